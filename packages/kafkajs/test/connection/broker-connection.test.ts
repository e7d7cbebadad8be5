import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { BrokerConnection } from '../../src/connection/broker-connection.js'
import { type Api, apiCodec, encode, type SentResponseOf } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { PRODUCE } from '../../src/protocol/produce.js'
import { type ApiKeys, apiKeys, apiKeysOf } from '../support/releases.js'

const TIMEOUT_MS = 5_000

/** A socket that keeps what is written, and responds to ApiVersions. */
class FakeSocket extends Duplex {
  readonly written: Buffer[] = []
  readonly #respond: (version: number, correlation: number) => Buffer | undefined

  constructor(respond: (version: number, correlation: number) => Buffer | undefined) {
    super()
    this.#respond = respond
  }

  setNoDelay(): void {}
  setTimeout(): void {}
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    const isApiVersions = chunk.length > 8 && chunk.readInt16BE(4) === API_VERSIONS.key
    const response = isApiVersions ? this.#respond(chunk.readInt16BE(6), chunk.readInt32BE(8)) : undefined
    if (response !== undefined) this.push(response)
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

/** @param body hexadecimal */
const answer = (correlation: number, body: string): Buffer => {
  const bytes = Buffer.from(`00000000${correlation.toString(16).padStart(8, '0')}${body}`, 'hex')
  bytes.writeInt32BE(bytes.length - 4, 0)
  return bytes
}
const versionsAnswer = (correlation: number, version: number, response: SentResponseOf<typeof API_VERSIONS>): Buffer =>
  answer(correlation, Buffer.concat(encode(apiCodec(API_VERSIONS, version).response, response)).toString('hex'))

interface FakeBroker {
  readonly sessionMs?: number
  readonly usesSasl?: boolean
  readonly keys?: ApiKeys
  readonly required?: readonly Api[]
  readonly throttledUntil?: number
  readonly respond?: (version: number, correlation: number) => Buffer | undefined
}

/** A clock whose time also passes while this process does something else, so that timers are late. */
class BusyClock extends ManualClock {
  busyMs = 0

  override monotonic(): number {
    return super.monotonic() + this.busyMs
  }
}

function connect(broker: FakeBroker = {}) {
  const { sessionMs = Number.POSITIVE_INFINITY, usesSasl = false } = broker
  const { keys = apiKeysOf('4.3'), required = [], throttledUntil = 0 } = broker
  const { respond = (version, id) => versionsAnswer(id, version, { errorCode: 0, apiKeys: keys }) } = broker
  const socket = new FakeSocket(respond)
  const clock = new BusyClock()
  const given = { socket: socket as unknown as Socket, address: 'broker-1:9092', clientId: 'me' }
  const overdue: number[] = []
  const throttled: number[] = []
  const closing = new AbortController()
  const opening = BrokerConnection.open(
    { ...given, sessionLifetimeMs: sessionMs, usesSasl },
    {
      clock,
      timeoutMs: TIMEOUT_MS,
      required,
      listener: {
        overdue: () => overdue.push(clock.monotonic()),
        responded() {},
        throttled: (ms) => throttled.push(ms),
        ended() {},
      },
      throttledUntil,
      signal: closing.signal,
    },
  )
  return { opening, socket, clock, overdue, throttled, closing }
}

/** The correlation id of the first request after ApiVersions is 2. */
async function open(broker: FakeBroker = {}) {
  const { opening, ...parts } = connect(broker)
  const connection = await opening
  const send = (maxWaitMs?: number) =>
    connection
      .send(
        HEARTBEAT,
        { groupId: 'g', generationId: 1, memberId: 'm' },
        { maxVersion: 3, ...(maxWaitMs !== undefined && { maxWaitMs }) },
      )
      .then(({ errorCode }) => errorCode)
  return { ...parts, connection, send }
}

/** Sends a request, and expects that it is written after `ms`, and not before. */
async function expectSentAfter(
  { socket, clock, send }: Pick<Awaited<ReturnType<typeof open>>, 'socket' | 'clock' | 'send'>,
  ms: number,
): Promise<void> {
  const count = socket.frames.length
  send().catch(() => {})
  await clock.advance(ms - 1)
  expect(socket.frames).toHaveLength(count)
  await clock.advance(1)
  expect(socket.frames).toHaveLength(count + 1)
}

/** A response to Heartbeat 3. */
const heartbeat = (correlation: number, code: string): Buffer => answer(correlation, `00000000${code}`)
const lost = expect.objectContaining({ code: 'LOG_FAILED', retriable: true })

describe('requests', () => {
  it('have the header of their version, followed by their bodies', async () => {
    const { connection, socket } = await open()
    const request = { acks: -1, timeoutMs: 0, topicData: [] }
    connection.send(PRODUCE, request, { maxVersion: 7 }).catch(() => {})
    connection.send(PRODUCE, request).catch(() => {})
    expect(socket.frames.slice(1).map((frame) => frame.toString('hex'))).toEqual([
      `0000000700000002${'00026d65'}ffffffff0000000000000000`,
      `0000000c00000003${'00026d65'}0000ffff000000000100`,
    ])
    connection.close('test')
  })

  it('contain record batches as they are', async () => {
    const { connection, socket } = await open()
    const records = Buffer.from('aabb', 'hex')
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
    connection.send(PRODUCE, { acks: -1, timeoutMs: 0, topicData }).catch(() => {})
    expect(socket.written).toContain(records)
    connection.close('test')
  })
})

describe('responses', () => {
  it('are matched by correlation id, in any order', async () => {
    const { connection, socket, send } = await open()
    const [first, second] = [send(), send()]
    socket.push(Buffer.concat([heartbeat(3, '0002'), heartbeat(2, '0001')]))
    expect([await first, await second]).toEqual([1, 2])
    connection.close('test')
  })

  it('arrive whole, wherever the network cuts them', async () => {
    const bytes = Buffer.concat([heartbeat(2, '0a0b'), heartbeat(3, '0c0d')])
    for (let cut = 1; cut < bytes.length; cut++) {
      const { connection, socket, send } = await open()
      const both = [send(), send()]
      socket.push(bytes.subarray(0, cut))
      socket.push(bytes.subarray(cut))
      expect(await Promise.all(both)).toEqual([0x0a0b, 0x0c0d])
      connection.close('test')
    }
  })

  it('arrive whole, byte by byte', async () => {
    const { connection, socket, send } = await open()
    const reading = send()
    for (const byte of heartbeat(2, '0a0b')) socket.push(Buffer.from([byte]))
    expect(await reading).toBe(0x0a0b)
    connection.close('test')
  })

  it('of flexible requests have tags before the body, except for ApiVersions', async () => {
    const { connection, socket } = await open()
    const reading = connection.send(HEARTBEAT, { groupId: 'g', generationId: 1, memberId: 'm' })
    socket.push(answer(2, `010001ff${'00000000'}0a0b00`))
    expect((await reading).errorCode).toBe(0x0a0b)
    connection.close('test')
  })

  it('that are cut off fail their own request alone', async () => {
    const { connection, socket, send } = await open()
    const both = [send(), send()]
    socket.push(Buffer.concat([answer(2, '0000'), heartbeat(3, '0001')]))
    await expect(both[0]).rejects.toMatchObject({
      code: 'RECORDS_CORRUPT',
      message: expect.stringContaining('Heartbeat response (version 3) from broker broker-1:9092'),
    })
    expect(await both[1]).toBe(1)
    connection.close('test')
  })
})

describe('versions', () => {
  const metadata = { topics: [], includeTopicAuthorizedOperations: false }

  it('are requested first, and chosen for each request', async () => {
    const { connection, socket } = await open({ keys: apiKeys('Metadata 0-11, Heartbeat 0-4') })
    connection.send(METADATA, metadata).catch(() => {})
    connection.send(HEARTBEAT, { groupId: 'g', generationId: 1, memberId: 'm' }).catch(() => {})
    expect(socket.frames.map((frame) => [frame.readInt16BE(0), frame.readInt16BE(2)])).toEqual([
      [18, 3],
      [3, 11],
      [12, 4],
    ])
    connection.close('test')
  })

  it('are requested again, in version 0, of a broker that does not know version 3', async () => {
    const { connection, socket } = await open({
      respond: (version, id) =>
        versionsAnswer(
          id,
          0,
          version === 0 ? { errorCode: 0, apiKeys: apiKeysOf('2.8') } : { errorCode: 35, apiKeys: [] },
        ),
    })
    connection.send(METADATA, metadata).catch(() => {})
    expect(socket.frames.map((frame) => [frame.readInt16BE(0), frame.readInt16BE(2)])).toEqual([
      [18, 3],
      [18, 0],
      [3, 11],
    ])
    connection.close('test')
  })

  it('that a broker lacks are an error when the connection opens, which no retry can change', async () => {
    const { opening, socket } = connect({ keys: apiKeysOf('2.7'), required: [PRODUCE, METADATA] })
    await expect(opening).rejects.toMatchObject({
      code: 'CLIENT_UNSUPPORTED',
      retriable: false,
      message:
        'CLIENT_UNSUPPORTED: broker broker-1:9092 does not support Metadata (it has versions 0 to 9, Joinery needs versions 10 to 13): Kafka 2.8 or later is needed',
    })
    expect([socket.frames.length, socket.destroyed]).toEqual([1, true])
  })

  it('are requested by each connection: the broker may have been upgraded', async () => {
    const sent: number[] = []
    for (const release of ['2.8', '4.3'] as const) {
      const { connection, socket } = await open({ keys: apiKeysOf(release) })
      connection.send(METADATA, metadata).catch(() => {})
      sent.push(socket.frames.at(-1)?.readInt16BE(2) ?? -1)
      connection.close('test')
    }
    expect(sent).toEqual([11, 13])
  })

  it('that a broker does not want to list are an error of the protocol', async () => {
    const { opening, socket } = connect({
      respond: (version, id) => versionsAnswer(id, version, { errorCode: 42, apiKeys: [] }),
    })
    await expect(opening).rejects.toMatchObject({ name: 'ProtocolError', code: 42 })
    expect(socket.destroyed).toBe(true)
  })

  it('that are not listed in time end the connection', async () => {
    const { opening, socket, clock } = connect({ respond: () => undefined })
    const opened = expect(opening).rejects.toEqual(lost)
    await clock.advance(5_500)
    await opened
    expect(socket.destroyed).toBe(true)
  })
})

describe('a fault ends the connection as a whole', () => {
  it.each([
    ['a response with an unknown correlation id', answer(7, '00')],
    ['a response of negative size', Buffer.from('ffffffff00000001', 'hex')],
    ['a response without a correlation id', Buffer.from('0000000300000001', 'hex')],
    ['a response of 2 GiB', Buffer.from('7fffffff00000001', 'hex')],
  ])('%s', async (_, bytes) => {
    const { connection, socket, send } = await open()
    const both = [send(), send()]
    socket.push(bytes)
    for (const each of both) await expect(each).rejects.toEqual(lost)
    expect([connection.isUsable, socket.destroyed]).toEqual([false, true])
    await expect(send()).rejects.toEqual(lost)
  })

  it('the broker closes it', async () => {
    const { connection, socket, send } = await open()
    const reading = send()
    socket.push(null)
    await expect(reading).rejects.toEqual(lost)
    expect(connection.isUsable).toBe(false)
  })

  it('an error of the socket', async () => {
    const { socket, send } = await open()
    const reading = send()
    socket.destroy(new Error('reset'))
    await expect(reading).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
  })

  it('no complete response in time', async () => {
    const { connection, socket, clock, send } = await open()
    const reading = expect(send()).rejects.toEqual(lost)
    socket.push(heartbeat(2, '0a0b').subarray(0, 9))
    await clock.advance(4_900)
    expect(connection.isUsable).toBe(true)
    await clock.advance(500)
    await reading
    expect(connection.isUsable).toBe(false)
  })

  it('no response in time, although the broker may hold it back for a while', async () => {
    const { connection, clock, send } = await open()
    const reading = expect(send(1_000)).rejects.toEqual(lost)
    await clock.advance(5_900)
    expect(connection.isUsable).toBe(true)
    await clock.advance(500)
    await reading
  })

  it('no response in time, although timers of this process are always late', async () => {
    const { connection, clock, overdue, send } = await open()
    const reading = expect(send()).rejects.toEqual(lost)
    const began = clock.monotonic()
    while (connection.isUsable && clock.monotonic() - began < 2 * TIMEOUT_MS) {
      clock.busyMs += 500
      await clock.advance(250)
    }
    expect(overdue.length).toBeGreaterThanOrEqual(2)
    expect(clock.monotonic() - began).toBeLessThanOrEqual(TIMEOUT_MS + 2_000)
    await reading
  })

  it('but not a response that has arrived while the process was busy', async () => {
    const { connection, socket, clock, overdue, send } = await open()
    const reading = send()
    clock.busyMs += 500
    await clock.advance(250)
    clock.busyMs += 2 * TIMEOUT_MS
    setImmediate(() => socket.push(heartbeat(2, '0005'))) // is read after the timers have run
    await clock.advance(250)
    expect([await reading, overdue, connection.isUsable]).toEqual([5, [], true])
    connection.close('test')
  })
})

describe('a session that expires', () => {
  it('accepts no new requests during its last 10 s, so that none is cut off', async () => {
    const { connection, clock } = await open({ sessionMs: 60_000 })
    await clock.advance(49_000)
    expect(connection.isUsable).toBe(true)
    await clock.advance(1_500)
    expect(connection.isUsable).toBe(false)
    connection.close('test')
  })
})

describe('a response that is overdue', () => {
  it('is noticed after a second, and then each second until it arrives', async () => {
    const { connection, socket, clock, overdue, send } = await open()
    const reading = send()
    await clock.advance(1_000)
    expect(overdue).toEqual([])
    await clock.advance(3_000)
    expect(overdue.length).toBeGreaterThanOrEqual(2)
    expect(overdue[0]).toBeLessThanOrEqual(1_500)
    for (const [i, at] of overdue.slice(1).entries()) expect(at - (overdue[i] as number)).toBeGreaterThanOrEqual(1_000)
    const count = overdue.length
    socket.push(heartbeat(2, '0001'))
    expect(await reading).toBe(1)
    await clock.advance(5_000)
    expect(overdue).toHaveLength(count)
    connection.close('test')
  })

  it('is not overdue while the broker may hold it back', async () => {
    const { connection, clock, overdue, send } = await open()
    send(3_000).catch(() => {})
    await clock.advance(4_000)
    expect(overdue).toEqual([])
    await clock.advance(500)
    expect(overdue).toHaveLength(1)
    connection.close('test')
  })
})

/** A response to Heartbeat 3 of a broker that throttles this client. */
const throttling = (correlation: number, ms: number): Buffer =>
  answer(correlation, `${ms.toString(16).padStart(8, '0')}0000`)

describe('a throttle time', () => {
  it('passes before anything else is sent', async () => {
    const { connection, socket, clock, throttled, send } = await open()
    const first = send()
    socket.push(throttling(2, 3_000))
    await first
    const count = socket.frames.length
    const next = [send(), send()]
    await clock.advance(2_999)
    expect(socket.frames).toHaveLength(count)
    await clock.advance(1)
    expect(socket.frames).toHaveLength(count + 2)
    socket.push(Buffer.concat([heartbeat(3, '0000'), heartbeat(4, '0000')]))
    await Promise.all(next)
    expect(throttled).toEqual([3_000])
    connection.close('test')
  })

  it('of the connection before passes before anything else is sent', async () => {
    const { connection, socket, clock, send } = await open({ throttledUntil: 3_000 })
    await expectSentAfter({ socket, clock, send }, 3_000)
    connection.close('test')
  })

  it('grows with a response that arrives meanwhile', async () => {
    const { connection, socket, clock, send } = await open()
    const both = [send(), send()]
    socket.push(throttling(2, 1_000))
    await both[0]
    const count = socket.frames.length
    send().catch(() => {})
    await clock.advance(500)
    socket.push(throttling(3, 2_000))
    await clock.advance(1_999)
    expect(socket.frames).toHaveLength(count)
    await clock.advance(1)
    expect(socket.frames).toHaveLength(count + 1)
    connection.close('test')
  })

  it('is not shortened by a response that arrives meanwhile', async () => {
    const { connection, socket, clock, send } = await open()
    const both = [send(), send()]
    socket.push(Buffer.concat([throttling(2, 3_000), throttling(3, 1_000)]))
    await Promise.all(both)
    await expectSentAfter({ socket, clock, send }, 3_000)
    connection.close('test')
  })

  it('is not a time without a response', async () => {
    const { connection, socket, clock, overdue, send } = await open()
    const first = send()
    socket.push(throttling(2, 2 * TIMEOUT_MS))
    await first
    const reading = send()
    await clock.advance(2 * TIMEOUT_MS)
    socket.push(heartbeat(3, '0007'))
    expect([await reading, overdue]).toEqual([7, []])
    connection.close('test')
  })

  it('is not a time without a response for the requests that are in flight: the broker does not read them', async () => {
    const { connection, socket, clock, overdue, send } = await open()
    const [first, second] = [send(), send()]
    socket.push(throttling(2, 12_000))
    await first
    await clock.advance(12_900)
    expect([overdue, connection.isUsable]).toEqual([[], true])
    socket.push(heartbeat(3, '0007'))
    expect(await second).toBe(7)
    connection.close('test')
  })

  it('is followed by the whole time-out, for the requests that are in flight', async () => {
    const { connection, clock, socket, overdue, send } = await open()
    const first = send()
    const second = expect(send()).rejects.toEqual(lost)
    socket.push(throttling(2, 12_000))
    await first
    const began = clock.monotonic()
    await clock.advance(12_000 + TIMEOUT_MS - 100)
    expect(connection.isUsable).toBe(true)
    expect((overdue[0] as number) - began).toBeGreaterThan(13_000)
    expect((overdue[0] as number) - began).toBeLessThanOrEqual(13_500)
    await clock.advance(500)
    await second
  })

  it('ends with the connection: its requests can be sent to another broker', async () => {
    const { connection, socket, clock, send } = await open()
    const first = send()
    socket.push(throttling(2, 60_000))
    await first
    const began = clock.monotonic()
    const waiting = Array.from({ length: 20 }, () => expect(send()).rejects.toEqual(lost))
    await clock.advance(1_000)
    connection.close('another broker leads its partitions')
    await Promise.all(waiting)
    expect([clock.monotonic() - began, clock.nextTimer]).toEqual([1_000, undefined])
  })

  it('ends when the log is closed', async () => {
    const { socket, clock, closing, send } = await open()
    const first = send()
    socket.push(throttling(2, 60_000))
    await first
    const reading = expect(send()).rejects.toEqual(lost)
    await clock.yieldToEventLoop()
    closing.abort()
    await reading
    expect(clock.nextTimer).toBeUndefined()
  })
})

describe('a connection that is replaced', () => {
  it('takes no new requests, and is closed with its last response', async () => {
    const { connection, socket, send } = await open()
    const both = [send(), send()]
    connection.retire()
    socket.push(heartbeat(3, '0003'))
    expect(await both[1]).toBe(3)
    expect([connection.isUsable, socket.destroyed]).toEqual([false, false])
    socket.push(heartbeat(2, '0002'))
    expect([await both[0], socket.destroyed]).toEqual([2, true])
  })

  it('is closed at once if no response is awaited', async () => {
    const { connection, socket } = await open()
    connection.retire()
    expect(socket.destroyed).toBe(true)
  })

  it('still sends what waits for the end of a throttle time', async () => {
    const { connection, socket, clock, send } = await open()
    const first = send()
    socket.push(throttling(2, 1_000))
    await first
    const waiting = send()
    connection.retire()
    await clock.advance(1_000)
    socket.push(heartbeat(3, '0009'))
    expect([await waiting, socket.destroyed]).toEqual([9, true])
  })
})

describe('a listener with TLS', () => {
  /** A fatal alert: the record could not be read. */
  const alert = Buffer.from('15030300020250', 'hex')

  it('is recognised by its first bytes, and is an error of the options', async () => {
    const { opening, socket } = connect({ respond: () => alert })
    await expect(opening).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringMatching(/broker-1:9092 uses TLS .* set ssl/),
    })
    expect(socket.destroyed).toBe(true)
  })

  it('is not assumed once the broker has responded', async () => {
    const { socket, send } = await open()
    const reading = send()
    socket.push(Buffer.from('1503030002025000', 'hex'))
    socket.push(null)
    await expect(reading).rejects.toEqual(lost)
  })
})

describe('a listener that may require SASL', () => {
  const closed = 'LOG_FAILED: connection to broker broker-1:9092 lost: the broker closed it'
  /** @returns the message of a retriable error */
  const messageOf = async (reading: Promise<unknown>) => {
    const error = await reading.catch((caught: unknown) => caught)
    expect(error).toEqual(lost)
    return (error as Error).message
  }

  it('closes the connection at the first request after ApiVersions: the error says what to set, and is retriable', async () => {
    const { socket, send } = await open()
    const reading = messageOf(send())
    socket.push(null)
    expect(await reading).toMatch(
      /the broker closed it without a response; if this port requires SASL, set the option sasl/,
    )
  })

  it('is not assumed if the client has a SASL session', async () => {
    const { socket, send } = await open({ usesSasl: true })
    const reading = messageOf(send())
    socket.push(null)
    expect(await reading).toBe(closed)
  })

  it('is not assumed once the broker has responded', async () => {
    const { socket, send } = await open()
    const [first, reading] = [send(), messageOf(send())]
    socket.push(heartbeat(2, '0000'))
    await first
    socket.push(null)
    expect(await reading).toBe(closed)
  })

  it('is not assumed if the broker closes the connection before it has responded to ApiVersions', async () => {
    const { opening, socket } = connect({ respond: () => undefined })
    const reading = messageOf(opening)
    socket.push(null)
    expect(await reading).toBe(closed)
  })

  it('is not assumed if nothing was requested', async () => {
    const { connection, socket, send } = await open()
    socket.push(null)
    await expect.poll(() => connection.isUsable).toBe(false)
    expect(await messageOf(send())).toBe(closed)
  })
})
