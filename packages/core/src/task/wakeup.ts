import type { Clock, Timer } from '../clock.js'

/** Wakes one waiting loop. A wake before the wait ends the next wait immediately. */
export class Wakeup {
  readonly #clock: Clock
  #isSet = false
  #resolve: (() => void) | undefined
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether the loop is waiting and has not been woken. */
  get isWaiting(): boolean {
    return this.#resolve !== undefined
  }

  readonly wake = (): void => {
    this.#isSet = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#resolve?.()
    this.#resolve = undefined
  }

  /** Waits until the next wake, or until the monotonic time `until`. */
  async wait(until: number | undefined): Promise<void> {
    if (!this.#isSet) {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
        if (until !== undefined)
          this.#timer = this.#clock.setTimeout(this.wake, Math.max(0, until - this.#clock.monotonic()))
      })
    }
    this.#isSet = false
  }
}
