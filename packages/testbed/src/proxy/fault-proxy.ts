import { createServer, type Server, type Socket } from 'node:net'
import type { Applied, Fault, OneFault } from './faults.js'
import type { Frame } from './frames.js'
import { ProxiedConnection } from './proxied-connection.js'

/** Which frame a rule is for: the first one that fits. */
export type FrameMatch = Pick<Frame, 'api' | 'direction'> & {
  /** Only of clients whose id contains this. */
  readonly clientId?: string
}

/** One request or answer that a fault is waiting for. */
export interface Met {
  /** The frame, once it has come. */
  readonly frame: Promise<Frame>
  /** Lets what is held go on; calls off what has not come yet. */
  release(): void
}

interface Rule {
  readonly match: FrameMatch
  readonly does: OneFault
  readonly came: (frame: Frame) => void
  readonly released: Promise<void>
}

/** A fault that was applied. */
export interface Suffered {
  /** Frames and connections that it has hit so far. */
  readonly hits: number
  /** Ends it. */
  heal(): void
}

/**
 * A TCP proxy in this process that understands Kafka's frames, between clients and one broker whose listener advertises it.
 * Faults hit all clients, or those whose id contains a text.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()
  readonly #applied = new Set<Applied>()
  readonly #waiting = new Set<Rule>()

  /**
   * @param port to listen on
   * @param broker the port of the broker, on this machine
   */
  static async open(port: number, broker: number): Promise<FaultProxy> {
    const server = createServer()
    const proxy = new FaultProxy(server, broker)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
    return proxy
  }

  private constructor(server: Server, broker: number) {
    this.#server = server
    server.on('connection', (client) => this.#accept(client, broker))
  }

  /** Applies a fault until it is healed. */
  apply(fault: Fault, clientId = ''): Suffered {
    const applied = { fault, clientId, hits: 0 }
    this.#applied.add(applied)
    const hit = [...this.#connections].filter((connection) => connection.clientId.includes(clientId))
    for (const connection of hit) {
      if (fault.kind === 'reset') connection.reset()
      if (fault.kind === 'half-open') connection.halve()
      if (fault.kind === 'reset' || fault.kind === 'half-open') applied.hits++
    }
    return {
      get hits() {
        return applied.hits
      },
      heal: () => {
        this.#applied.delete(applied)
        for (const connection of this.#connections) connection.healed()
      },
    }
  }

  /** Does something with the first frame that fits. */
  meet(match: FrameMatch, does: OneFault): Met {
    let release: () => void = () => {}
    let came: (frame: Frame) => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const frame = new Promise<Frame>((resolve) => {
      came = resolve
    })
    const rule = { match, does, came, released }
    this.#waiting.add(rule)
    return {
      frame,
      release: () => {
        this.#waiting.delete(rule)
        release()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#applied.clear()
    for (const connection of this.#connections) connection.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket, broker: number): void {
    // who it is shows only later: one that everybody suffers from hits it at once
    const reset = [...this.#applied].find(({ fault, clientId }) => fault.kind === 'reset' && clientId === '')
    if (reset !== undefined) {
      reset.hits++
      client.resetAndDestroy()
      return
    }
    const connection = new ProxiedConnection(
      client,
      broker,
      {
        faults: (clientId) => [...this.#applied].filter((each) => clientId.includes(each.clientId)),
        meet: (frame) => this.#meet(frame),
      },
      (ended) => this.#connections.delete(ended),
    )
    this.#connections.add(connection)
  }

  #meet(frame: Frame): ReturnType<ConstructorParameters<typeof ProxiedConnection>[2]['meet']> {
    const isHit = ({ fault, clientId }: Applied) => fault.kind === 'reset' && frame.clientId.includes(clientId)
    const reset = [...this.#applied].find(isHit)
    if (reset !== undefined) {
      reset.hits++
      return Promise.resolve('drop and reset')
    }
    for (const rule of this.#waiting) {
      const { api, direction, clientId = '' } = rule.match
      if (frame.api !== api || frame.direction !== direction || !frame.clientId.includes(clientId)) continue
      this.#waiting.delete(rule)
      rule.came(frame)
      const { does } = rule
      return does === 'hold' ? rule.released.then(() => 'pass') : Promise.resolve(does)
    }
    return 'pass'
  }
}
