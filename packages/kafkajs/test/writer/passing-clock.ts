import type { Clock, Timer } from '@joinery/core'

/** A clock on which every wait ends at once, and advances the time. */
export class PassingClock implements Clock {
  /** The lengths of all waits. */
  readonly waits: number[] = []
  #now = 1_700_000_000_000

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  setTimeout(run: () => void, ms: number): Timer {
    const turn = setImmediate(() => {
      this.waits.push(ms)
      this.#now += ms
      run()
    })
    return { cancel: () => clearImmediate(turn) }
  }

  yieldToEventLoop(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}
