/** A timer that can be cancelled. */
export interface Timer {
  /** Cancels the timer. It does nothing if the timer has fired or was cancelled before. */
  cancel(): void
}

/** The only source of time. Everything that runs takes a clock, so that tests control time. */
export interface Clock {
  /** @returns the wall-clock time in milliseconds since the epoch; it can jump forwards and backwards */
  now(): number
  /** @returns milliseconds since an arbitrary origin, which never decrease: for measuring durations */
  monotonic(): number
  /**
   * Calls `run` once, after `ms` milliseconds of monotonic time. It may fire up to one millisecond early, as timers of
   * Node do.
   *
   * @returns the timer, which can be cancelled
   */
  setTimeout(run: () => void, ms: number): Timer
  /** Yields to the event loop: resolves after pending I/O callbacks have run. */
  yieldToEventLoop(): Promise<void>
}

/** Taken when this module loads: fake timers of a test runner would replace it by one that waits for the test. */
const immediate = setImmediate

/** Resolves in the next turn of the event loop, also while a test has replaced the timers of the process. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => immediate(resolve))
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, Math.min(ms, 0x7fffffff))
    return { cancel: () => clearTimeout(timer) }
  },
  yieldToEventLoop: nextTurn,
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
export function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
