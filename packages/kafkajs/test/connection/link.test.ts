import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Link } from '../../src/connection/link.js'
import type { ApiRequest } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { PRODUCE } from '../../src/protocol/produce.js'

const TIMEOUT_MS = 5_000

afterEach(() => void vi.useRealTimers())

/** A socket that keeps what is written. */
class FakeSocket extends Duplex {
  readonly written: Buffer[] = []
  setNoDelay(): void {}
  setTimeout(): void {}
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    done()
  }
  get frames(): Buffer[] {
    const frames: Buffer[] = []
    const bytes = Buffer.concat(this.written)
    for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32BE(at))
      frames.push(bytes.subarray(at + 4, at + 4 + bytes.readInt32BE(at)))
    return frames
  }
}

async function open({ sessionMs = 0 } = {}) {
  const socket = new FakeSocket()
  const connection = {
    socket,
    clientId: 'me',
    sessionLifetime: { toNumber: () => sessionMs },
    requestQueue: { destroy: () => {} },
    setVersions: () => {},
    setSupportAuthenticationProtocol: () => {},
    getSupportAuthenticationProtocol: () => true,
    connect: async () => {},
    authenticate: async () => {},
  }
  const pool = { host: 'localhost', port: 1, rack: null, pool: [connection] }
  const cluster = { connectionPoolBuilder: { build: async () => pool } }
  const broker = { nodeId: 1, versions: {}, connectionPool: pool }
  const link = await Link.open(cluster as never, broker as never, TIMEOUT_MS)
  return { link, socket }
}
const request = (more: Partial<ApiRequest> = {}): ApiRequest => ({
  api: PRODUCE,
  version: 7,
  parts: [Buffer.from('ab', 'hex')],
  ...more,
})
const answer = (correlation: number, body: string): Buffer => {
  const bytes = Buffer.from(`00000000${correlation.toString(16).padStart(8, '0')}${body}`, 'hex')
  bytes.writeInt32BE(bytes.length - 4, 0)
  return bytes
}
const lost = expect.objectContaining({ code: 'LOG_FAILED', retriable: true })

describe('requests', () => {
  it('have the header of their kind, and their parts behind it', async () => {
    const { link, socket } = await open()
    link.send(request()).catch(() => {})
    link
      .send(request({ api: PRODUCE, version: 12, parts: [Buffer.from('01', 'hex'), Buffer.from('02', 'hex')] }))
      .catch(() => {})
    expect(socket.frames.map((frame) => frame.toString('hex'))).toEqual([
      `0000000700000001${'00026d65'}ab`,
      `0000000c00000002${'00026d65'}000102`,
    ])
    link.close()
  })
})

describe('answers', () => {
  it('are told apart by their number, in any order', async () => {
    const { link, socket } = await open()
    const [first, second] = [link.send(request()), link.send(request())]
    socket.push(Buffer.concat([answer(2, '02'), answer(1, '01')]))
    expect([(await first).int8(), (await second).int8()]).toEqual([1, 2])
    link.close()
  })

  it('arrive whole, wherever the network cuts them', async () => {
    const bytes = Buffer.concat([answer(1, '0a0b'), answer(2, '0c0d')])
    for (let cut = 1; cut < bytes.length; cut++) {
      const { link, socket } = await open()
      const both = [link.send(request()), link.send(request())]
      socket.push(bytes.subarray(0, cut))
      socket.push(bytes.subarray(cut))
      expect((await Promise.all(both)).map((reader) => reader.int16())).toEqual([0x0a0b, 0x0c0d])
      link.close()
    }
  })

  it('arrive whole, byte by byte', async () => {
    const { link, socket } = await open()
    const reading = link.send(request())
    for (const byte of answer(1, '0a0b')) socket.push(Buffer.from([byte]))
    expect((await reading).int16()).toBe(0x0a0b)
    link.close()
  })

  it('of flexible requests have tagged fields before the body, but for ApiVersions', async () => {
    const { link, socket } = await open()
    const [metadata, versions] = [
      link.send(request({ api: METADATA, version: 10 })),
      link.send(request({ api: API_VERSIONS, version: 3 })),
    ]
    socket.push(Buffer.concat([answer(1, '0001'), answer(2, '02')]))
    expect([(await metadata).int8(), (await versions).int8()]).toEqual([1, 2])
    link.close()
  })
})

describe('what goes wrong ends the connection as a whole', () => {
  it.each([
    ['an answer that nobody asked for', answer(7, '00')],
    ['an answer of a negative length', Buffer.from('ffffffff00000001', 'hex')],
    ['an answer without a number', Buffer.from('0000000300000001', 'hex')],
    ['an answer of 2 GiB', Buffer.from('7fffffff00000001', 'hex')],
  ])('%s', async (_, bytes) => {
    const { link, socket } = await open()
    const both = [link.send(request()), link.send(request())]
    socket.push(bytes)
    for (const each of both) await expect(each).rejects.toEqual(lost)
    expect([link.isUsable, socket.destroyed]).toEqual([false, true])
    await expect(link.send(request())).rejects.toEqual(lost)
  })

  it('the broker’s closing it', async () => {
    const { link, socket } = await open()
    const reading = link.send(request())
    socket.push(null)
    await expect(reading).rejects.toEqual(lost)
    expect(link.isUsable).toBe(false)
  })

  it('an error of the socket', async () => {
    const { link, socket } = await open()
    const reading = link.send(request())
    socket.destroy(new Error('reset'))
    await expect(reading).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
  })

  it('no answer in time, whatever came before half', async () => {
    vi.useFakeTimers()
    const { link, socket } = await open()
    const reading = expect(link.send(request())).rejects.toEqual(lost)
    socket.push(answer(1, '0a0b').subarray(0, 9))
    await vi.advanceTimersByTimeAsync(4_900)
    expect(link.isUsable).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    await reading
    expect(link.isUsable).toBe(false)
  })

  it('no answer in time, where the broker may hold it back for a while', async () => {
    vi.useFakeTimers()
    const { link } = await open()
    const reading = expect(link.send(request({ maxWaitMs: 1_000 }))).rejects.toEqual(lost)
    await vi.advanceTimersByTimeAsync(5_900)
    expect(link.isUsable).toBe(true)
    await vi.advanceTimersByTimeAsync(500)
    await reading
  })
})

describe('a session that expires', () => {
  it('takes no new requests 10 s before, so that none is cut off', async () => {
    vi.useFakeTimers()
    const { link } = await open({ sessionMs: 60_000 })
    await vi.advanceTimersByTimeAsync(49_000)
    expect(link.isUsable).toBe(true)
    await vi.advanceTimersByTimeAsync(1_500)
    expect(link.isUsable).toBe(false)
    link.close()
  })
})
