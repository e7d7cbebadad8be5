import type { Clock, Timer } from '../clock.js'

interface Pending {
  readonly due: number
  readonly run: () => void
}

/**
 * A clock that only moves when it is told to.
 *
 * @example
 * ```ts
 * const clock = new ManualClock(0)
 * clock.setTimeout(() => console.log(clock.now()), 250) // 250
 * await clock.advance(1_000)
 * assert.equal(clock.now(), 1_000)
 * ```
 */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 0
  readonly #timers = new Set<Pending>()

  /** @param now the wall clock's time at the start, in milliseconds since the epoch; default the machine's */
  constructor(now: number = Date.now()) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  setTimeout(run: () => void, ms: number): Timer {
    const timer = { due: this.#monotonic + Math.max(0, ms), run }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  yieldToEventLoop(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  /** When the next timer is due, in monotonic milliseconds. */
  get nextTimer(): number | undefined {
    let next: number | undefined
    for (const { due } of this.#timers) if (next === undefined || due < next) next = due
    return next
  }

  /** Moves both times on by `ms`, and runs the timers on the way, each at its time. After each, waits for `settled`. */
  async advance(ms: number, settled: () => Promise<void> = () => this.yieldToEventLoop()): Promise<void> {
    const end = this.#monotonic + ms
    for (;;) {
      const due = this.nextTimer
      if (due === undefined || due > end) break
      this.#moveTo(Math.max(due, this.#monotonic))
      for (const timer of [...this.#timers]) {
        if (timer.due > this.#monotonic) continue
        this.#timers.delete(timer)
        timer.run()
      }
      await settled()
    }
    this.#moveTo(end)
    await settled()
  }

  /** Sets the wall clock, as an operator or a time server might. Timers and durations do not notice. */
  setNow(now: number): void {
    this.#now = now
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}
