import type { Clock } from '@joinery/core'
import { OVERDUE_MS } from './overdue.js'

/** For how long other brokers are preferred to one that was unresponsive. */
const AVOID_MS = 30_000

/** A request whose response is overdue. */
export interface OverdueRequest {
  readonly api: string
  readonly address: string
  /** Since when the broker could have read it, in monotonic milliseconds. */
  readonly waitedSince: number
}

/**
 * The brokers with an overdue response, and those that had one a short time ago. Others are preferred to them, except to a
 * broker that responds in time to what is sent later: it only holds that one response back.
 */
export class UnresponsiveBrokers {
  readonly #clock: Clock
  readonly #overdue = new Map<number, OverdueRequest>()
  readonly #avoidedUntil = new Map<number, number>()
  /** Since when the last request waited to which a broker responded in time, in monotonic milliseconds. */
  readonly #inTimeAt = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The response of a broker is overdue. */
  add(node: number, request: OverdueRequest): void {
    if (!this.#overdue.has(node)) this.#overdue.set(node, request)
    if ((this.#inTimeAt.get(node) ?? Number.NEGATIVE_INFINITY) > request.waitedSince) return
    this.#avoidedUntil.set(node, this.#clock.monotonic() + AVOID_MS)
  }

  /** A broker has responded to a request that it could read from then on. */
  responded(node: number, waitedSince: number): void {
    this.#overdue.delete(node)
    if (this.#clock.monotonic() - waitedSince > OVERDUE_MS) return
    this.#inTimeAt.set(node, Math.max(waitedSince, this.#inTimeAt.get(node) ?? waitedSince))
    this.#avoidedUntil.delete(node)
  }

  /** Nothing is awaited from a broker. */
  remove(node: number): void {
    this.#overdue.delete(node)
  }

  /** Whether other brokers are preferred. */
  isAvoided(node: number): boolean {
    return (this.#avoidedUntil.get(node) ?? 0) > this.#clock.monotonic()
  }

  /** As text. */
  get problems(): readonly string[] {
    const now = this.#clock.monotonic()
    return Array.from(this.#overdue, ([node, { api, address, waitedSince }]) => {
      const seconds = Math.round((now - waitedSince) / 1000)
      return `broker ${node} (${address}) has not responded to ${api} for ${seconds} s`
    })
  }
}
