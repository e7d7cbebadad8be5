import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultProxy } from '../../src/proxy/fault-proxy.js'
import { FrameReader } from '../../src/proxy/frames.js'
import { freePorts } from '../../src/servers/free-port.js'

const PRODUCE = 0
const END_TXN = 26
const LIMIT = { timeout: 5_000, interval: 5 }

/** Responds to each request with its correlation id and its number. */
class Broker {
  readonly server: Server
  readonly requests: number[] = []
  readonly sockets = new Set<Socket>()

  constructor(port: number) {
    this.server = createServer((socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => {})
      const frames = new FrameReader()
      socket.on('data', (chunk) => {
        for (const request of frames.add(chunk)) {
          this.requests.push(request.readInt32BE(8))
          const response = Buffer.alloc(108)
          response.writeInt32BE(104)
          response.writeInt32BE(request.readInt32BE(8), 4)
          socket.write(response)
        }
      })
    }).listen(port, '127.0.0.1')
  }
}

class Client {
  readonly socket: Socket
  readonly answers: number[] = []
  /** The bytes of an incomplete response that have arrived. */
  bytes = 0
  end: string | undefined
  readonly #id: string

  constructor(port: number, id = 'me') {
    this.#id = id
    this.socket = connect(port, '127.0.0.1')
    const frames = new FrameReader()
    this.socket.on('data', (chunk) => {
      this.bytes += chunk.length
      for (const response of frames.add(chunk)) this.answers.push(response.readInt32BE(4))
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.end = error.code
    })
    this.socket.on('close', () => {
      this.end ??= 'closed'
    })
  }

  ask(api: number, correlation: number): void {
    const head = Buffer.alloc(14 + this.#id.length)
    head.writeInt32BE(head.length - 4)
    head.writeInt16BE(api, 4)
    head.writeInt32BE(correlation, 8)
    head.writeInt16BE(this.#id.length, 12)
    head.write(this.#id, 14)
    this.socket.write(head)
  }
}

describe('the fault proxy', () => {
  let broker: Broker
  let proxy: FaultProxy
  let port: number
  const clients: Client[] = []
  const client = (id?: string) => {
    const made = new Client(port, id)
    clients.push(made)
    return made
  }
  const answered = (of: Client, ...correlations: number[]) => expect.poll(() => of.answers, LIMIT).toEqual(correlations)
  const asked = (...correlations: number[]) => expect.poll(() => broker.requests, LIMIT).toEqual(correlations)

  beforeEach(async () => {
    const [behind, own] = (await freePorts(2)) as [number, number]
    port = own
    broker = new Broker(behind)
    proxy = await FaultProxy.open(port, behind)
  })
  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy()
    await proxy[Symbol.asyncDispose]()
    broker.server.close()
  })

  it('forwards requests and responses, and the end of a connection', async () => {
    const one = client()
    one.ask(PRODUCE, 1)
    one.ask(END_TXN, 2)
    await answered(one, 1, 2)
    one.socket.destroy()
    await expect.poll(() => broker.sockets.size, LIMIT).toBe(0)
  })

  it.each(['request', 'response'] as const)('drops exactly one %s', async (direction) => {
    const one = client()
    const { frame } = proxy.intercept({ api: END_TXN, direction }, 'drop')
    for (const [api, correlation] of [
      [PRODUCE, 1],
      [END_TXN, 2],
      [END_TXN, 3],
    ] as const)
      one.ask(api, correlation)
    await answered(one, 1, 3)
    await asked(...(direction === 'request' ? [1, 3] : [1, 2, 3]))
    expect(await frame).toMatchObject({ api: END_TXN, direction, clientId: 'me' })
  })

  it('holds a request until it is released, even if the sender has closed the connection', async () => {
    const one = client()
    const held = proxy.intercept({ api: END_TXN, direction: 'request' }, 'hold')
    one.ask(END_TXN, 1)
    await held.frame
    one.socket.destroy()
    const other = client()
    other.ask(PRODUCE, 2)
    await asked(2)
    held.release()
    await asked(2, 1)
  })

  it('holds a response, and everything after it', async () => {
    const one = client()
    const held = proxy.intercept({ api: END_TXN, direction: 'response' }, 'hold')
    one.ask(END_TXN, 1)
    one.ask(PRODUCE, 2)
    await asked(1, 2)
    expect(one.answers).toEqual([])
    held.release()
    await answered(one, 1, 2)
  })

  it('loses a response together with the connection', async () => {
    const one = client()
    proxy.intercept({ api: END_TXN, direction: 'response' }, 'drop and reset')
    one.ask(END_TXN, 1)
    await expect.poll(() => one.end, LIMIT).toBe('ECONNRESET')
    expect([one.answers, broker.requests]).toEqual([[], [1]])
  })

  it('resets a connection in the middle of a response', async () => {
    const one = client()
    proxy.intercept({ api: PRODUCE, direction: 'response' }, 'cut')
    one.ask(PRODUCE, 1)
    await expect.poll(() => one.end, LIMIT).toBe('ECONNRESET')
    expect([one.answers, one.bytes]).toEqual([[], 54])
  })

  it('distinguishes clients by their id', async () => {
    const [one, other] = [client('one'), client('other')]
    proxy.intercept({ api: PRODUCE, direction: 'request', clientId: 'other' }, 'drop')
    one.ask(PRODUCE, 1)
    await answered(one, 1)
    other.ask(PRODUCE, 2)
    other.ask(PRODUCE, 3)
    await answered(other, 3)
  })

  it('is a black hole in one direction: requests arrive, responses are lost, and the client is not notified', async () => {
    const one = client()
    const { heal } = proxy.apply({ kind: 'black hole', direction: 'response' })
    one.ask(PRODUCE, 1)
    await asked(1)
    heal()
    one.ask(PRODUCE, 2)
    await answered(one, 2)
  })

  it('is a black hole in both directions: frames are lost, and closed connections are noticed only afterwards', async () => {
    const one = client()
    one.ask(PRODUCE, 1)
    await answered(one, 1)
    const { heal } = proxy.apply({ kind: 'black hole' })
    one.ask(PRODUCE, 2)
    const other = client()
    other.ask(PRODUCE, 3)
    await expect.poll(() => broker.sockets.size, LIMIT).toBe(2)
    one.socket.destroy()
    await expect.poll(() => one.end, LIMIT).toBe('closed')
    expect(broker.sockets.size).toBe(2)
    heal()
    await expect.poll(() => broker.sockets.size, LIMIT).toBe(1)
    expect(broker.requests).toEqual([1])
  })

  it('affects only the connections of one client', async () => {
    const [one, other] = [client('one'), client('other')]
    for (const each of [one, other]) each.ask(PRODUCE, 1)
    await answered(other, 1)
    await answered(one, 1)
    const { heal } = proxy.apply({ kind: 'reset' }, 'other')
    await expect.poll(() => other.end, LIMIT).toBe('ECONNRESET')
    one.ask(PRODUCE, 2)
    await answered(one, 1, 2)
    const again = client('other')
    again.ask(PRODUCE, 3)
    await expect.poll(() => again.end, LIMIT).toBe('ECONNRESET')
    heal()
    const last = client('other')
    last.ask(PRODUCE, 4)
    await answered(last, 4)
  })

  it('leaves connections half open: the client is not notified, and new connections work', async () => {
    const one = client()
    one.ask(PRODUCE, 1)
    await answered(one, 1)
    const { heal } = proxy.apply({ kind: 'half-open' })
    await expect.poll(() => broker.sockets.size, LIMIT).toBe(0)
    one.ask(PRODUCE, 2)
    const other = client()
    other.ask(PRODUCE, 3)
    await answered(other, 3)
    heal()
    expect([one.end, one.answers]).toEqual([undefined, [1]])
  })

  it('adds latency', async () => {
    const one = client()
    proxy.apply({ kind: 'latency', ms: 100, direction: 'response' })
    const began = performance.now()
    one.ask(PRODUCE, 1)
    await asked(1)
    await answered(one, 1)
    expect(performance.now() - began).toBeGreaterThanOrEqual(99)
  })

  it('is slow, until it is healed', async () => {
    const one = client()
    const { heal } = proxy.apply({ kind: 'slow', bytesPerSecond: 100 })
    one.ask(PRODUCE, 1)
    await expect.poll(() => one.bytes, LIMIT).toBeGreaterThan(0)
    expect(one.answers).toEqual([])
    heal()
    await answered(one, 1)
  })
})
