import type { Clock } from '@joinery/core'

/** How long others are asked first after a broker was late. */
const AVOID_MS = 30_000

/** A request without a response. */
export interface LateRequest {
  readonly api: string
  readonly address: string
  /** In monotonic milliseconds. */
  readonly sentAt: number
}

/** The brokers that have not responded in time, and those that were late a short time ago. */
export class LateBrokers {
  readonly #clock: Clock
  readonly #late = new Map<number, LateRequest>()
  readonly #avoidedUntil = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A request to a broker is late. */
  add(node: number, request: LateRequest): void {
    if (!this.#late.has(node)) this.#late.set(node, request)
    this.#avoidedUntil.set(node, this.#clock.monotonic() + AVOID_MS)
  }

  /** A broker has responded, or nothing is awaited from it. */
  remove(node: number): void {
    this.#late.delete(node)
  }

  /** Whether others should be asked before this broker. */
  isAvoided(node: number): boolean {
    return this.#late.has(node) || (this.#avoidedUntil.get(node) ?? 0) > this.#clock.monotonic()
  }

  /** As text. */
  get problems(): readonly string[] {
    const now = this.#clock.monotonic()
    return Array.from(this.#late, ([node, { api, address, sentAt }]) => {
      const seconds = Math.round((now - sentAt) / 1000)
      return `broker ${node} (${address}) has not responded to ${api} for ${seconds} s`
    })
  }
}
