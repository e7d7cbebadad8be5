import { LateRequests } from '../connections/late-requests.js'
import type { EventLoop } from '../event-loop.js'
import type { SimProcess } from '../machines/sim-process.js'

/** The request or its response did not arrive in time. The sender cannot know which. */
export class NoResponseError extends Error {}

const TIMEOUT_MS = 2_000
/** A broken connection is noticed soon, a silent one only by the timeout. */
const BROKEN_MS = 50
const FAST_MS = 3
const SLOW_MS = [100, 4_000] as const

/** The network between processes and brokers. */
export class Network {
  readonly #eventLoop: EventLoop
  /** Processes that cannot reach the brokers. */
  readonly partitioned: Set<string> = new Set()
  /** Processes whose requests arrive but whose responses are lost. */
  readonly unanswered: Set<string> = new Set()
  /** Processes that cannot reach the coordinator of their group. */
  readonly withoutGroup: Set<string> = new Set()
  /** No process reaches the brokers. */
  isDown = false
  /** The share of requests and responses that are lost. */
  lossRate = 0
  /** The share of messages that take very long. */
  delayRate = 0
  /** The share of transactional requests whose connection breaks while they are in transit, and that arrive long after. */
  lateRate = 0
  /** The requests that are late now. */
  readonly lateRequests: LateRequests
  /** How long each fetch of the reports of calls takes in addition, as behind a broker that is slow or throttles. */
  reportsLagMs = 0

  constructor(eventLoop: EventLoop) {
    this.#eventLoop = eventLoop
    this.lateRequests = new LateRequests(eventLoop)
  }

  /** Ends all faults. */
  heal(): void {
    this.partitioned.clear()
    this.unanswered.clear()
    this.withoutGroup.clear()
    this.isDown = false
    this.lossRate = 0
    this.delayRate = 0
    this.lateRate = 0
    this.reportsLagMs = 0
  }

  /** Whether messages of a process cannot pass now, in this direction. */
  isBlocked(process: SimProcess, to: 'broker' | 'client'): boolean {
    return this.partitioned.has(process.name) || (to === 'client' && this.unanswered.has(process.name))
  }

  /**
   * Sends a request. `execute` runs on the brokers if the request arrives, possibly long after the caller has given up.
   *
   * @throws NoResponseError
   */
  call<T>(from: SimProcess, label: string, execute: () => T | Promise<T>, timeoutMs: number = TIMEOUT_MS): Promise<T> {
    const { random } = this.#eventLoop
    return new Promise((resolve, reject) => {
      const isLost = random.chance(this.lossRate)
      const cancelTimeout = this.#eventLoop.schedule(
        isLost ? random.next() * BROKEN_MS : timeoutMs,
        `${from.name} times out: ${label}`,
        () => reject(new NoResponseError(label)),
        from,
      )
      // a request that was sent over a connection that broke may still be in transit
      if (this.#isUnreachable(from) || (isLost && random.chance(0.5))) return
      const response = (settle: () => void) => {
        if (isLost || this.#isUnreachable(from) || this.unanswered.has(from.name) || random.chance(this.lossRate))
          return
        const received = () => {
          cancelTimeout()
          settle()
        }
        this.#eventLoop.schedule(this.latency(), `${from.name} receives the response: ${label}`, received, from)
      }
      this.#eventLoop.schedule(this.latency(), label, () => {
        if (this.isDown) return
        Promise.resolve()
          .then(execute)
          .then(
            (result) => response(() => resolve(result)),
            (error: unknown) => response(() => reject(error)),
          )
      })
    })
  }

  #isUnreachable({ name }: SimProcess): boolean {
    return this.isDown || this.partitioned.has(name)
  }

  /** @returns how long the next message takes */
  latency(): number {
    const { random } = this.#eventLoop
    return random.chance(this.delayRate) ? random.between(...SLOW_MS) : random.next() * FAST_MS
  }
}
