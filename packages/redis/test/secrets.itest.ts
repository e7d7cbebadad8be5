import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type RedisClient, redisStores } from '../src/index.js'
import { TrialApplication } from './support/application.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { ID, KEY, put, read, storesOf } from './support/stores.js'
import { createTls, isTlsPossible, type Tls } from './support/tls.js'

/** What must not appear anywhere: the password, the key of a row, its value. */
const [PASSWORD, ROW_KEY, ROW_VALUE] = ['planted-password', 'planted-key', 'planted-value']

describe.skipIf(!isPossible)('secrets', () => {
  let tls: Tls
  /** All output: errors, warnings, events and logs. */
  let said: unknown[]

  beforeAll(async () => {
    tls = await createTls()
  })
  afterAll(() => tls.remove())

  beforeEach(() => {
    said = []
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
      vi.spyOn(console, method).mockImplementation((...args) => void said.push(args))
    vi.spyOn(process, 'emitWarning').mockImplementation((...args) => void said.push(args))
  })
  afterEach(() => {
    vi.restoreAllMocks()
    const text = said.map((thing) => inspect(thing, { depth: 20, showHidden: true })).join('\n')
    for (const secret of [PASSWORD, ROW_KEY, ROW_VALUE]) expect(text).not.toContain(secret)
  })

  /** @returns the error of an operation, which is also recorded */
  async function failure(attempt: Promise<unknown>): Promise<Error & { code?: string; retriable?: boolean }> {
    const error = await attempt.then(
      () => {
        throw new Error('the operation did not fail')
      },
      (error: Error) => error,
    )
    said.push(error, error.stack, JSON.stringify(error), String(error.cause))
    return error
  }

  const withPassword = (url: string, password = PASSWORD) => url.replace('//', `//:${password}@`)
  const rows = [put(ROW_KEY, ROW_VALUE)]

  it.skipIf(!isTlsPossible)('are sent to the server over TLS, as the client is configured', async () => {
    const server = await ownServer({
      tls: true,
      files: tls.folder,
      settings: { ...tls.settings, requirepass: PASSWORD },
    })
    const options = { password: PASSWORD, tls: { ca: tls.ca } }
    const clients = {
      v6: new Redis(server.url, options),
      v5: new Redis5(server.url, options) as unknown as RedisClient,
    }
    for (const [namespace, client] of Object.entries(clients)) {
      atEnd(() => client.disconnect())
      const store = await storesOf({ client, namespace }).open(ID)
      await store.commit(rows, 'p')
      expect(await read(store, ROW_KEY)).toEqual([ROW_VALUE])
    }
  })

  it.skipIf(!isTlsPossible)('do not appear when the certificate is not trusted', async () => {
    const server = await ownServer({
      tls: true,
      files: tls.folder,
      settings: { ...tls.settings, requirepass: PASSWORD },
    })
    const stores = storesOf({ url: withPassword(server.url), timeout: '500ms' })
    const error = await failure(stores.open(ID) as Promise<unknown>)
    expect(error).toMatchObject({ code: 'STORE_FAILED', message: expect.stringContaining('self-signed certificate') })
  })

  it.each(['6', '5'])('do not appear when the password is wrong, with ioredis %s', async (version) => {
    const server = await ownServer({ settings: { requirepass: 'another' } })
    const url = withPassword(server.url)
    const client = version === '6' ? new Redis(url) : (new Redis5(url) as unknown as RedisClient)
    client.on('error', () => {}) // the user of the client is responsible for its messages
    atEnd(() => client.disconnect())
    const stores = storesOf(version === '6' ? { url } : { client })
    const error = await failure(stores.open(ID) as Promise<unknown>)
    expect(error).toMatchObject({
      code: 'STORE_FAILED',
      retriable: false,
      message: expect.stringMatching(/WRONGPASS|NOAUTH/),
    })
  })

  it('do not appear when the password is missing', async () => {
    const server = await ownServer({ settings: { requirepass: PASSWORD } })
    const error = await failure(storesOf({ url: server.url, timeout: '2000ms' }).open(ID) as Promise<unknown>)
    expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: false, message: expect.stringContaining('NOAUTH') })
  })

  it('do not appear when the URL is invalid', async () => {
    for (const url of [`http://:${PASSWORD}@host`, `redis//:${PASSWORD}@host`, `${PASSWORD}`]) {
      const error = await failure(Promise.resolve().then(() => redisStores({ url })))
      expect(error.code).toBe('OPTION_INVALID')
    }
  })

  it('do not appear when the server quotes an unknown command', async () => {
    const server = await ownServer({ settings: { 'rename-command': ['HMGET', 'HIDDEN'], requirepass: PASSWORD } })
    const store = await storesOf({ url: withPassword(server.url) }).open(ID)
    const error = await failure(read(store, ROW_KEY))
    expect(error).toMatchObject({ code: 'STORE_FAILED', message: expect.stringMatching(/unknown command.*hmget/i) })
  })

  it('do not appear when a key has another type', async () => {
    const server = await ownServer({ settings: { requirepass: PASSWORD } })
    const store = await storesOf({ url: withPassword(server.url) }).open(ID)
    await observer(withPassword(server.url)).set(KEY, 'not a hash')
    for (const call of [read(store, ROW_KEY), store.commit(rows, 'p') as Promise<void>]) {
      const error = await failure(call)
      expect(error).toMatchObject({
        code: 'STORE_FAILED',
        retriable: false,
        message: expect.stringContaining('WRONGTYPE'),
      })
    }
  })

  it('do not appear when the server hangs or has stopped', async () => {
    const server = await ownServer({ settings: { requirepass: PASSWORD } })
    const store = await storesOf({ url: withPassword(server.url), timeout: '200ms' }).open(ID)
    await server.pause()
    expect(await failure(store.commit(rows, 'p') as Promise<void>)).toMatchObject({
      code: 'STORE_FAILED',
      retriable: true,
    })
    await server.kill()
    expect(await failure(store.commit(rows, 'p') as Promise<void>)).toMatchObject({
      code: 'STORE_FAILED',
      retriable: true,
    })
  })

  it('do not appear in the events and the health of an application', async () => {
    const server = await ownServer({ settings: { requirepass: PASSWORD } })
    const application = await TrialApplication.on(storesOf({ url: withPassword(server.url), timeout: '200ms' }))
    await application.inform(ROW_VALUE, 0, 10)
    await server.kill()
    const activated = application.activate(0, 10)
    await expect.poll(() => application.failures, { timeout: 10_000 }).toContain('STORE_FAILED')
    said.push(application.told)
    await server.restart()
    await activated
    await application.check()
  })

  it('are not needed for a client that was closed, which causes a permanent error', async () => {
    const server = await ownServer({ settings: { requirepass: PASSWORD } })
    const client = new Redis(withPassword(server.url))
    const store = await storesOf({ client }).open(ID)
    client.disconnect()
    await vi.waitUntil(() => client.status === 'end')
    const error = await failure(read(store, ROW_KEY))
    expect(error).toMatchObject({ retriable: false, message: expect.stringContaining('the client was closed') })
  })
})
