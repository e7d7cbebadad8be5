import { type Clock, nextTurn, type Timer } from '../clock.js'
import { type Duration, durationMs } from '../duration.js'

interface PendingTimer {
  readonly due: number
  readonly run: () => void
}

/**
 * A clock that moves only when a test advances it.
 *
 * @example
 * ```ts
 * const clock = new ManualClock(0)
 * clock.setTimeout(() => console.log(clock.now()), 250) // 250
 * await clock.advance('1s')
 * assert.equal(clock.now(), 1_000)
 * ```
 */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 0
  readonly #timers = new Set<PendingTimer>()

  /** @param now the initial wall-clock time, in milliseconds since the epoch; by default that of the machine */
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
    return nextTurn()
  }

  /** When the next timer is due, in milliseconds of monotonic time; `undefined` if there is none. */
  get nextTimer(): number | undefined {
    let next: number | undefined
    for (const { due } of this.#timers) if (next === undefined || due < next) next = due
    return next
  }

  /**
   * Advances both times, and runs the timers that become due, each at its own time.
   *
   * @param settled waits until everything that a timer caused is done; by default for one turn of the event loop
   */
  async advance(by: Duration, settled: () => Promise<void> = () => this.yieldToEventLoop()): Promise<void> {
    const end = this.#monotonic + durationMs(by, 'advance')
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

  /** Sets the wall clock, as a person or a time server can. Timers and monotonic time are not affected. */
  setNow(now: number): void {
    this.#now = now
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}
