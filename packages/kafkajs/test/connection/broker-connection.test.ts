import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { BrokerConnection } from '../../src/connection/broker-connection.js'
import type { ApiRequest } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { PRODUCE } from '../../src/protocol/produce.js'

const TIMEOUT_MS = 5_000

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

function open({ sessionMs = Number.POSITIVE_INFINITY } = {}) {
  const socket = new FakeSocket()
  const clock = new ManualClock()
  const connection = new BrokerConnection(
    { socket: socket as unknown as Socket, address: 'broker-1:9092', clientId: 'me', sessionLifetimeMs: sessionMs },
    clock,
    TIMEOUT_MS,
  )
  return { connection, socket, clock }
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
  it('have the header of their version, followed by their parts', async () => {
    const { connection, socket } = open()
    connection.send(request()).catch(() => {})
    connection
      .send(request({ api: PRODUCE, version: 12, parts: [Buffer.from('01', 'hex'), Buffer.from('02', 'hex')] }))
      .catch(() => {})
    expect(socket.frames.map((frame) => frame.toString('hex'))).toEqual([
      `0000000700000001${'00026d65'}ab`,
      `0000000c00000002${'00026d65'}000102`,
    ])
    connection.close()
  })
})

describe('responses', () => {
  it('are matched by correlation id, in any order', async () => {
    const { connection, socket } = open()
    const [first, second] = [connection.send(request()), connection.send(request())]
    socket.push(Buffer.concat([answer(2, '02'), answer(1, '01')]))
    expect([(await first).int8(), (await second).int8()]).toEqual([1, 2])
    connection.close()
  })

  it('arrive whole, wherever the network cuts them', async () => {
    const bytes = Buffer.concat([answer(1, '0a0b'), answer(2, '0c0d')])
    for (let cut = 1; cut < bytes.length; cut++) {
      const { connection, socket } = open()
      const both = [connection.send(request()), connection.send(request())]
      socket.push(bytes.subarray(0, cut))
      socket.push(bytes.subarray(cut))
      expect((await Promise.all(both)).map((reader) => reader.int16())).toEqual([0x0a0b, 0x0c0d])
      connection.close()
    }
  })

  it('arrive whole, byte by byte', async () => {
    const { connection, socket } = open()
    const reading = connection.send(request())
    for (const byte of answer(1, '0a0b')) socket.push(Buffer.from([byte]))
    expect((await reading).int16()).toBe(0x0a0b)
    connection.close()
  })

  it('of flexible requests have tags before the body, except for ApiVersions', async () => {
    const { connection, socket } = open()
    const [metadata, versions] = [
      connection.send(request({ api: METADATA, version: 10 })),
      connection.send(request({ api: API_VERSIONS, version: 3 })),
    ]
    socket.push(Buffer.concat([answer(1, '0001'), answer(2, '02')]))
    expect([(await metadata).int8(), (await versions).int8()]).toEqual([1, 2])
    connection.close()
  })
})

describe('a fault ends the connection as a whole', () => {
  it.each([
    ['a response with an unknown correlation id', answer(7, '00')],
    ['a response of negative size', Buffer.from('ffffffff00000001', 'hex')],
    ['a response without a correlation id', Buffer.from('0000000300000001', 'hex')],
    ['a response of 2 GiB', Buffer.from('7fffffff00000001', 'hex')],
  ])('%s', async (_, bytes) => {
    const { connection, socket } = open()
    const both = [connection.send(request()), connection.send(request())]
    socket.push(bytes)
    for (const each of both) await expect(each).rejects.toEqual(lost)
    expect([connection.isUsable, socket.destroyed]).toEqual([false, true])
    await expect(connection.send(request())).rejects.toEqual(lost)
  })

  it('the broker closes it', async () => {
    const { connection, socket } = open()
    const reading = connection.send(request())
    socket.push(null)
    await expect(reading).rejects.toEqual(lost)
    expect(connection.isUsable).toBe(false)
  })

  it('an error of the socket', async () => {
    const { connection, socket } = open()
    const reading = connection.send(request())
    socket.destroy(new Error('reset'))
    await expect(reading).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
  })

  it('no complete response in time', async () => {
    const { connection, socket, clock } = open()
    const reading = expect(connection.send(request())).rejects.toEqual(lost)
    socket.push(answer(1, '0a0b').subarray(0, 9))
    await clock.advance(4_900)
    expect(connection.isUsable).toBe(true)
    await clock.advance(500)
    await reading
    expect(connection.isUsable).toBe(false)
  })

  it('no response in time, although the broker may hold it back for a while', async () => {
    const { connection, clock } = open()
    const reading = expect(connection.send(request({ maxWaitMs: 1_000 }))).rejects.toEqual(lost)
    await clock.advance(5_900)
    expect(connection.isUsable).toBe(true)
    await clock.advance(500)
    await reading
  })
})

describe('a session that expires', () => {
  it('accepts no new requests during its last 10 s, so that none is cut off', async () => {
    const { connection, clock } = open({ sessionMs: 60_000 })
    await clock.advance(49_000)
    expect(connection.isUsable).toBe(true)
    await clock.advance(1_500)
    expect(connection.isUsable).toBe(false)
    connection.close()
  })
})
