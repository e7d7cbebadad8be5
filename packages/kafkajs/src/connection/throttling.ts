import type { Clock } from '@joinery/core'

/** Throttling is a problem once it has gone on for so long, without a pause of the same length. */
const LASTING_MS = 10_000

/** How much the brokers have slowed this client down, because it exceeds a quota. */
export class Throttling {
  readonly #clock: Clock
  #totalMs = 0
  /** In monotonic milliseconds. */
  #since = 0
  #until = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The sum of all throttle times, in milliseconds. */
  get totalMs(): number {
    return this.#totalMs
  }

  /** A broker has throttled this client for so long. */
  add(ms: number): void {
    const now = this.#clock.monotonic()
    if (now - this.#until > LASTING_MS) this.#since = now
    this.#until = Math.max(this.#until, now + ms)
    this.#totalMs += ms
  }

  /** As text. */
  get problems(): readonly string[] {
    const now = this.#clock.monotonic()
    if (now - this.#until > LASTING_MS || now - this.#since < LASTING_MS) return []
    const seconds = Math.round((now - this.#since) / 1000)
    return [`the brokers have throttled this client for ${seconds} s: raise its quota (kafka-configs.sh --entity-type)`]
  }
}
