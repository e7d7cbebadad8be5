import { createServer, type Server, type Socket } from 'node:net'
import type { AppliedFault, Fault, FrameFault } from './faults.js'
import type { Frame } from './frames.js'
import { ProxiedConnection } from './proxied-connection.js'

/** The frames that a rule applies to. It is used for the first of them. */
export type FrameMatch = Pick<Frame, 'api' | 'direction'> & {
  /** Only clients whose id contains this. */
  readonly clientId?: string
}

/** One request or response that a fault is waiting for. */
export interface InterceptedFrame {
  /** The frame, when it has arrived. */
  readonly frame: Promise<Frame>
  /** Delivers a held frame; if none has arrived yet, cancels the rule. */
  release(): void
}

interface Rule {
  readonly match: FrameMatch
  readonly action: FrameFault
  readonly arrived: (frame: Frame) => void
  readonly released: Promise<void>
}

/** A fault that is active. */
export interface ActiveFault {
  /** The number of frames and connections affected so far. */
  readonly hits: number
  /** Ends it. */
  heal(): void
}

/**
 * A TCP proxy in this process that understands the frames of Kafka's protocol. It sits between clients and one broker whose listener
 * advertises the proxy. Faults affect all clients, or those whose id contains a text.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()
  readonly #applied = new Set<AppliedFault>()
  readonly #waiting = new Set<Rule>()

  /**
   * @param port the port to listen on
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
  apply(fault: Fault, clientId = ''): ActiveFault {
    const applied = { fault, clientId, hits: 0 }
    this.#applied.add(applied)
    const hit = [...this.#connections].filter((connection) => connection.clientId.includes(clientId))
    for (const connection of hit) {
      if (fault.kind === 'reset') connection.reset()
      if (fault.kind === 'half-open') connection.closeBrokerSide()
      if (fault.kind === 'reset' || fault.kind === 'half-open') applied.hits++
    }
    return {
      get hits() {
        return applied.hits
      },
      heal: () => {
        this.#applied.delete(applied)
        for (const connection of this.#connections) connection.onHealed()
      },
    }
  }

  /** Applies a fault to the first frame that matches. */
  intercept(match: FrameMatch, action: FrameFault): InterceptedFrame {
    let release: () => void = () => {}
    let arrived: (frame: Frame) => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const frame = new Promise<Frame>((resolve) => {
      arrived = resolve
    })
    const rule = { match, action, arrived, released }
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
    // the client id is not known yet, so only a fault that affects all clients applies here
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
        intercept: (frame) => this.#intercept(frame),
      },
      (ended) => this.#connections.delete(ended),
    )
    this.#connections.add(connection)
  }

  #intercept(frame: Frame): ReturnType<ConstructorParameters<typeof ProxiedConnection>[2]['intercept']> {
    const isHit = ({ fault, clientId }: AppliedFault) => fault.kind === 'reset' && frame.clientId.includes(clientId)
    const reset = [...this.#applied].find(isHit)
    if (reset !== undefined) {
      reset.hits++
      return Promise.resolve('drop and reset')
    }
    for (const rule of this.#waiting) {
      const { api, direction, clientId = '' } = rule.match
      if (frame.api !== api || frame.direction !== direction || !frame.clientId.includes(clientId)) continue
      this.#waiting.delete(rule)
      rule.arrived(frame)
      const { action } = rule
      return action === 'hold' ? rule.released.then(() => 'pass') : Promise.resolve(action)
    }
    return 'pass'
  }
}
