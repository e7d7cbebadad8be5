import { connect, type Socket } from 'node:net'
import type { AppliedFault } from './faults.js'
import { type Direction, type Frame, FrameReader, FrameTracker } from './frames.js'

/** When this many bytes are in transit in one direction, reading pauses. */
const MAX_QUEUED_BYTES = 2 ** 20
const SLICE_MS = 50

/** The rules of the proxy for a connection. */
export interface Rules {
  /** The active faults of this client's connections. */
  faults(clientId: string): readonly AppliedFault[]
  /** Decides what happens to a frame. */
  intercept(frame: Frame): Promise<'pass' | 'drop' | 'drop and reset' | 'cut'> | 'pass'
}

/** One connection through the proxy. In each direction, frames are delivered in order. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #broker: Socket
  readonly #rules: Rules
  readonly #tracker = new FrameTracker()
  readonly #queued = { request: 0, response: 0 }
  readonly #delivered: Record<Direction, Promise<void>> = { request: Promise.resolve(), response: Promise.resolve() }
  /** The broker's side is closed, and the client has not been notified. */
  #isHalfOpen = false

  constructor(client: Socket, port: number, rules: Rules, ended: (connection: ProxiedConnection) => void) {
    this.#client = client
    this.#broker = connect(port, '127.0.0.1')
    this.#rules = rules
    this.#pump('request', client, this.#broker, (bytes) => this.#tracker.request(bytes))
    this.#pump('response', this.#broker, client, (bytes) => this.#tracker.response(bytes))
    for (const socket of [client, this.#broker]) {
      socket.setNoDelay(true)
      socket.on('error', () => {}) // 'close' follows
    }
    let open = 2
    const closed = () => {
      if (--open === 0) ended(this)
    }
    client.on('close', closed)
    this.#broker.on('close', closed)
    client.on('close', () => this.#end('request', this.#broker))
    this.#broker.on('close', () => this.#end('response', client))
  }

  get clientId(): string {
    return this.#tracker.clientId
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#broker.resetAndDestroy()
  }

  /** Closes the broker's side only. */
  closeBrokerSide(): void {
    this.#isHalfOpen = true
    this.#broker.destroy()
  }

  /** Called when a fault ends: closes connections whose other side was closed in the meantime. */
  onHealed(): void {
    if (this.#client.destroyed && !this.#isBlackHole('request')) this.#broker.destroy()
    if (this.#broker.destroyed && !this.#isHalfOpen && !this.#isBlackHole('response')) this.#client.destroy()
  }

  #pump(direction: Direction, from: Socket, to: Socket, name: (bytes: Buffer) => Frame): void {
    const reader = new FrameReader()
    from.on('data', (chunk) => {
      for (const bytes of reader.add(chunk)) {
        const frame = name(bytes)
        this.#queued[direction] += bytes.length
        if (this.#queued[direction] > MAX_QUEUED_BYTES) from.pause()
        this.#delivered[direction] = this.#delivered[direction].then(async () => {
          await this.#deliver(frame, to)
          this.#queued[direction] -= bytes.length
          if (from.isPaused() && this.#queued[direction] <= MAX_QUEUED_BYTES) from.resume()
        })
      }
    })
  }

  async #deliver(frame: Frame, to: Socket): Promise<void> {
    const met = this.#rules.intercept(frame)
    const action = typeof met === 'string' ? met : await met
    if (action === 'drop and reset') this.reset()
    if (action === 'cut') {
      to.write(frame.bytes.subarray(0, frame.bytes.length >> 1))
      await delay(SLICE_MS) // so that it arrives before the reset
      this.reset()
    }
    if (action !== 'pass') return
    for (const applied of this.#faults()) {
      const { fault } = applied
      if (fault.kind === 'latency' && (fault.direction ?? frame.direction) === frame.direction) {
        applied.hits++
        await delay(fault.ms)
      }
      if (fault.kind === 'slow') {
        applied.hits++
        await this.#writeSlowly(frame.bytes, to, fault.bytesPerSecond)
        return
      }
    }
    const blackHole = this.#blackHole(frame.direction)
    if (blackHole !== undefined) blackHole.hits++
    else if (!to.destroyed) to.write(frame.bytes)
  }

  async #writeSlowly(bytes: Buffer, to: Socket, bytesPerSecond: number): Promise<void> {
    const slice = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000))
    let at = 0
    while (at < bytes.length && !to.destroyed && this.#faults().some(({ fault }) => fault.kind === 'slow')) {
      to.write(bytes.subarray(at, at + slice))
      at += slice
      await delay(SLICE_MS)
    }
    if (at < bytes.length && !to.destroyed) to.write(bytes.subarray(at))
  }

  #faults(): readonly AppliedFault[] {
    return this.#rules.faults(this.#tracker.clientId)
  }

  #isBlackHole(direction: Direction): boolean {
    return this.#blackHole(direction) !== undefined
  }

  #blackHole(direction: Direction): AppliedFault | undefined {
    return this.#faults().find(
      ({ fault }) => fault.kind === 'black hole' && (fault.direction ?? direction) === direction,
    )
  }

  /** Closes the other side after everything in transit was delivered. In a black hole, it stays open. */
  #end(direction: Direction, other: Socket): void {
    this.#delivered[direction].then(() => {
      if (this.#isBlackHole(direction) || (direction === 'response' && this.#isHalfOpen)) return
      other.destroy()
    })
  }
}

const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
