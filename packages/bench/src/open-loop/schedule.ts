/**
 * The times at which events are due: at a constant rate, however long the system under load takes. A latency that counts from
 * them includes the delay of events that could not be sent in time.
 */
export class Schedule {
  readonly #perMs: number
  readonly #startAt: number

  /**
   * @param rate events per second
   * @param startAt when the first event is due, in milliseconds
   */
  constructor(rate: number, startAt: number) {
    if (!(rate > 0)) throw new Error(`the rate is ${rate}: use a number above 0`)
    this.#perMs = rate / 1_000
    this.#startAt = startAt
  }

  /** @returns when an event is due, counted from 0 */
  dueAt(index: number): number {
    return this.#startAt + index / this.#perMs
  }

  /** @returns how many events are due at a time, or were before */
  countDueBy(now: number): number {
    if (now < this.#startAt) return 0
    const count = Math.floor((now - this.#startAt) * this.#perMs) + 1
    // rounding can be off by one
    if (this.dueAt(count) <= now) return count + 1
    return this.dueAt(count - 1) > now ? count - 1 : count
  }
}
