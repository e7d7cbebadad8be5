/** A timer that can be called off. */
export interface Timer {
  /** Nothing happens any more. It may be called more than once, and after the timer ran. */
  cancel(): void
}

/** The only source of time. Everything that runs takes one, so that tests move time by hand. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch; it may step in both directions. */
  now(): number
  /** Milliseconds that only grow, from an arbitrary origin; durations are measured with it. */
  monotonic(): number
  /** Calls `run` once, after `ms` milliseconds of monotonic time; it may be up to one too early, as Node's timers are. */
  setTimeout(run: () => void, ms: number): Timer
  /** Lets pending I/O happen, then goes on. */
  yieldToEventLoop(): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, Math.min(ms, 0x7fffffff))
    return { cancel: () => clearTimeout(timer) }
  },
  yieldToEventLoop: () => new Promise((resolve) => setImmediate(resolve)),
}

/** Resolves after `ms`, or as soon as `signal` aborts. */
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
