import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Behaviour, readCalls, startRestService } from '../../../src/demo/rest-service/rest-service.js'

const folder = mkdtempSync(join(tmpdir(), 'joinery-rest-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ask = (url: string, signal: AbortSignal | null = null) =>
  fetch(url, {
    method: 'POST',
    headers: { 'idempotency-key': 'k', connection: 'close' },
    body: JSON.stringify({ activationId: 'p1/1', productId: 'p1', externalId: 'x' }),
    redirect: 'manual',
    signal,
  })

describe('the stand-in for the REST service', () => {
  it.each<[Behaviour, number, number]>([
    ['respond', 204, 1],
    ['slow', 204, 1],
    ['redirect', 307, 1],
    ['fail', 503, 1],
    ['reset-before', Number.NaN, 0],
    ['reset-after', Number.NaN, 1],
  ])('%s: responds with %d, and has logged %d', async (behaviour, status, written) => {
    const file = join(folder, behaviour)
    await using rest = await startRestService({ file, behaviour: () => behaviour })
    const answered = await ask(rest.url).then(
      (response) => response.status,
      () => Number.NaN,
    )
    expect(answered).toBe(status)
    expect(await readCalls(file)).toHaveLength(written)
  })

  it('hang: never responds, and has logged the call', async () => {
    const file = join(folder, 'hang')
    const stop = new AbortController()
    await using rest = await startRestService({ file, behaviour: () => 'hang', received: () => stop.abort() })
    await expect(ask(rest.url, stop.signal)).rejects.toThrow()
    expect(await readCalls(file)).toEqual([{ callId: 'k', activationId: 'p1/1', externalId: 'x', status: 204 }])
  })

  it('counts connections', async () => {
    const seen: number[] = []
    const behaviour = (connection: number) => (connection === 2 ? 'fail' : 'respond')
    const received = (connection: number) => seen.push(connection)
    await using rest = await startRestService({ file: join(folder, 'counted'), behaviour, received })
    expect((await ask(rest.url)).status).toBe(204)
    expect((await ask(rest.url)).status).toBe(503)
    expect(seen).toEqual([1, 2])
  })

  it('has logged every request that had reached it, once it has settled', async () => {
    await using rest = await startRestService({ file: join(folder, 'settled') })
    const { host, port } = new URL(rest.url)
    const body = JSON.stringify({ activationId: 'p1/1', productId: 'p1', externalId: 'x' })
    for (let i = 1; i <= 20; i++) {
      const caller = connect(Number(port), '127.0.0.1')
      await once(caller, 'connect')
      caller.end(
        `POST /activations HTTP/1.1\r\nhost: ${host}\r\nidempotency-key: k\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      await rest.settled()
      expect(rest.calls).toHaveLength(i)
    }
  })

  it('settles although a caller disconnects, or gets no response', async () => {
    const behaviour = (connection: number) => (connection === 1 ? 'hang' : 'respond')
    await using rest = await startRestService({ file: join(folder, 'unsettled'), behaviour })
    const stop = new AbortController()
    const hanging = ask(rest.url, stop.signal)
    await expect.poll(() => rest.calls.length).toBe(1)
    const caller = connect(Number(new URL(rest.url).port), '127.0.0.1')
    await once(caller, 'connect')
    caller.destroy()
    await rest.settled()
    expect(rest.calls).toHaveLength(1)
    stop.abort()
    await expect(hanging).rejects.toThrow()
  })

  it('rejects a request that is not a call', async () => {
    await using rest = await startRestService({ file: join(folder, 'refused') })
    expect((await fetch(rest.url, { headers: { connection: 'close' } })).status).toBe(400)
    expect(rest.calls).toEqual([])
  })
})
