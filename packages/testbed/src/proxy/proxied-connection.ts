import { connect, type Socket } from 'node:net'
import type { Applied } from './faults.js'
import { type Direction, type Frame, FrameNames, FrameReader } from './frames.js'

/** Bytes under way in one direction before its source has to wait. */
const MOST_QUEUED = 2 ** 20
const SLICE_MS = 50

/** What a connection asks its proxy for. */
export interface Rules {
  /** Faults that this client's connections suffer now. */
  faults(clientId: string): readonly Applied[]
  /** Lets a frame pass, or not: resolves to what is to be done with it. */
  meet(frame: Frame): Promise<'pass' | 'drop' | 'drop and reset' | 'cut'> | 'pass'
}

/** One connection through the proxy: frames are delivered in order, each direction on its own. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #broker: Socket
  readonly #rules: Rules
  readonly #names = new FrameNames()
  readonly #queued = { request: 0, answer: 0 }
  readonly #last: Record<Direction, Promise<void>> = { request: Promise.resolve(), answer: Promise.resolve() }
  /** Its broker is gone, and the client does not know. */
  #isHalfOpen = false

  constructor(client: Socket, port: number, rules: Rules, ended: (connection: ProxiedConnection) => void) {
    this.#client = client
    this.#broker = connect(port, '127.0.0.1')
    this.#rules = rules
    this.#pump('request', client, this.#broker, (bytes) => this.#names.request(bytes))
    this.#pump('answer', this.#broker, client, (bytes) => this.#names.answer(bytes))
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
    this.#broker.on('close', () => this.#end('answer', client))
  }

  get clientId(): string {
    return this.#names.clientId
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#broker.resetAndDestroy()
  }

  /** Closes the broker's end alone. */
  halve(): void {
    this.#isHalfOpen = true
    this.#broker.destroy()
  }

  /** A fault is over: a connection whose other end went unseen meanwhile learns of it. */
  healed(): void {
    if (this.#client.destroyed && !this.#isSwallowing('request')) this.#broker.destroy()
    if (this.#broker.destroyed && !this.#isHalfOpen && !this.#isSwallowing('answer')) this.#client.destroy()
  }

  #pump(direction: Direction, from: Socket, to: Socket, name: (bytes: Buffer) => Frame): void {
    const reader = new FrameReader()
    from.on('data', (chunk) => {
      for (const bytes of reader.add(chunk)) {
        const frame = name(bytes)
        this.#queued[direction] += bytes.length
        if (this.#queued[direction] > MOST_QUEUED) from.pause()
        this.#last[direction] = this.#last[direction].then(async () => {
          await this.#deliver(frame, to)
          this.#queued[direction] -= bytes.length
          if (from.isPaused() && this.#queued[direction] <= MOST_QUEUED) from.resume()
        })
      }
    })
  }

  async #deliver(frame: Frame, to: Socket): Promise<void> {
    const met = this.#rules.meet(frame)
    const does = typeof met === 'string' ? met : await met
    if (does === 'drop and reset') this.reset()
    if (does === 'cut') {
      to.write(frame.bytes.subarray(0, frame.bytes.length >> 1))
      await delay(SLICE_MS) // so that it arrives before the reset does
      this.reset()
    }
    if (does !== 'pass') return
    for (const applied of this.#faults()) {
      const { fault } = applied
      if (fault.kind === 'latency' && (fault.direction ?? frame.direction) === frame.direction) {
        applied.hits++
        await delay(fault.ms)
      }
      if (fault.kind === 'slow') {
        applied.hits++
        await this.#trickle(frame.bytes, to, fault.bytesPerSecond)
        return
      }
    }
    const hole = this.#hole(frame.direction)
    if (hole !== undefined) hole.hits++
    else if (!to.destroyed) to.write(frame.bytes)
  }

  async #trickle(bytes: Buffer, to: Socket, bytesPerSecond: number): Promise<void> {
    const slice = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000))
    let at = 0
    while (at < bytes.length && !to.destroyed && this.#faults().some(({ fault }) => fault.kind === 'slow')) {
      to.write(bytes.subarray(at, at + slice))
      at += slice
      await delay(SLICE_MS)
    }
    if (at < bytes.length && !to.destroyed) to.write(bytes.subarray(at))
  }

  #faults(): readonly Applied[] {
    return this.#rules.faults(this.#names.clientId)
  }

  #isSwallowing(direction: Direction): boolean {
    return this.#hole(direction) !== undefined
  }

  #hole(direction: Direction): Applied | undefined {
    return this.#faults().find(
      ({ fault }) => fault.kind === 'black hole' && (fault.direction ?? direction) === direction,
    )
  }

  /** What is under way in this direction arrives first; in a black hole the end is not seen either. */
  #end(direction: Direction, other: Socket): void {
    this.#last[direction].then(() => {
      if (this.#isSwallowing(direction) || (direction === 'answer' && this.#isHalfOpen)) return
      other.destroy()
    })
  }
}

const delay = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
