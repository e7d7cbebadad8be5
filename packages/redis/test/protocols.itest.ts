import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { atEnd, ownServer } from './support/servers.js'
import { ID, storesOf } from './support/stores.js'
import { createTls, isTlsPossible, type Tls } from './support/tls.js'

const failed = (words: RegExp) =>
  expect.objectContaining({ code: 'STORE_FAILED', retriable: true, message: expect.stringMatching(words) })

describe.skipIf(!isTlsPossible)('a connection with the wrong protocol', () => {
  let tls: Tls

  beforeAll(async () => {
    tls = await createTls()
  })
  afterAll(() => tls.remove())

  it('names it: rediss:// to a port without TLS', async () => {
    const server = await ownServer()
    const stores = storesOf({ url: server.url.replace('redis:', 'rediss:'), timeout: '500ms' })
    await expect(stores.open(ID)).rejects.toThrow(failed(/is this a port without TLS\? rediss:\/\/ needs one with TLS/))
  })

  it('names it: redis:// to a port with TLS', async () => {
    const server = await ownServer({ tls: true, files: tls.folder, settings: tls.settings })
    const stores = storesOf({ url: server.url.replace('rediss:', 'redis:'), timeout: '500ms' })
    await expect(stores.open(ID)).rejects.toThrow(failed(/is this a port with TLS\? It needs rediss:\/\//))
  })

  it('refers to the error events of a client that was passed in', async () => {
    const server = await ownServer()
    const client = new Redis(server.url, { tls: {}, connectTimeout: 300, maxRetriesPerRequest: null })
    client.on('error', () => {})
    atEnd(() => client.disconnect())
    await expect(storesOf({ client, timeout: '500ms' }).open(ID)).rejects.toThrow(
      failed(/the client is \w+: its 'error' events have the reason/),
    )
  })

  it('names nothing of that kind once the server was reached', async () => {
    const server = await ownServer()
    const stores = storesOf({ url: server.url, timeout: '500ms' })
    await stores.open(ID)
    await server.kill()
    const error = await (stores.open({ ...ID, token: 2 }) as Promise<unknown>).catch((error: Error) => error)
    expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: true })
    expect((error as Error).message).not.toContain('TLS')
  })
})
