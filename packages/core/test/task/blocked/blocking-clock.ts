import type { Clock } from '../../../src/index.js'

/** A clock of the machine, on which time passes while functions run: they take as long as they say. */
export function blockingClock(): { readonly clock: Clock; readonly block: (ms: number) => void } {
  let blockedMs = 0
  const clock: Clock = {
    now: () => Date.now() + blockedMs,
    monotonic: () => performance.now() + blockedMs,
    setTimeout: (callback, ms) => {
      const timer = setTimeout(callback, ms)
      return { cancel: () => clearTimeout(timer) }
    },
    yieldToEventLoop: () => new Promise((resolve) => setImmediate(resolve)),
  }
  const block = (ms: number): void => {
    blockedMs += ms
  }
  return { clock, block }
}
