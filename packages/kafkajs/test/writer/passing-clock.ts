import type { Clock, Timer } from '@joinery/core'

/** A clock on which every wait is over at once, and takes its time nevertheless. */
export class PassingClock implements Clock {
  /** How long each wait was. */
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
