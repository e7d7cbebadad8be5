import type { Clock } from '@joinery/core'

/** Throttling is a problem after this time, unless it pauses for as long. */
const LASTING_MS = 10_000

/** How much the brokers have slowed this client down, because it exceeds a quota. */
export class Throttling {
  readonly #clock: Clock
  #totalMs = 0
  /** The time that throttle times cover: those of several brokers may overlap. */
  #coveredMs = 0
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

  /** For how long a throttle time has been running so far, in milliseconds. */
  get passedMs(): number {
    return this.#coveredMs - Math.max(0, this.#until - this.#clock.monotonic())
  }

  /** Counts a throttle time of a broker. */
  add(ms: number): void {
    const now = this.#clock.monotonic()
    if (now - this.#until > LASTING_MS) this.#since = now
    this.#coveredMs += Math.max(0, now + ms - Math.max(now, this.#until))
    this.#until = Math.max(this.#until, now + ms)
    this.#totalMs += ms
  }

  /** As text. */
  get problems(): readonly string[] {
    const now = this.#clock.monotonic()
    const lastedMs = Math.min(now, this.#until) - this.#since
    if (now - this.#until > LASTING_MS || lastedMs < LASTING_MS) return []
    const seconds = Math.round(lastedMs / 1000)
    return [`the brokers have throttled this client for ${seconds} s: raise its quota (kafka-configs.sh --entity-type)`]
  }
}
