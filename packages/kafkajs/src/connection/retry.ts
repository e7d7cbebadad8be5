import { type Clock, JoineryError } from '@joinery/core'

/** When and how often a failed operation runs again. */
export interface RetryPolicy {
  readonly clock: Clock
  /** The maximum number of attempts, including the first. */
  readonly maxAttempts: number
  /** Whether another attempt may succeed. `attempt` is the one that failed, counted from 1. */
  readonly isRetriable: (error: unknown, attempt: number) => boolean
  /** How long to pause before the next attempt, in milliseconds. */
  readonly delayMs: (error: unknown, attempt: number) => number
  /** Is called before each pause. `attempt` is the one that failed, counted from 1. */
  readonly onRetry?: ((error: unknown, attempt: number) => void) | undefined
  /** Runs after each pause, for example to refresh metadata. It must not reject. */
  readonly beforeRetry?: (() => Promise<unknown>) | undefined
  /** Ends a pause: nothing is retried once it aborts. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs an operation until it succeeds, its error is not retriable, or all attempts are used up.
 *
 * @returns what the operation returns
 * @throws the error of the last attempt; JoineryError `LOG_CLOSED` if the signal aborts during a pause
 */
export async function retry<T>(operation: (attempt: number) => Promise<T>, policy: RetryPolicy): Promise<T> {
  const { clock, maxAttempts, isRetriable, delayMs, onRetry, beforeRetry, signal } = policy
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation(attempt)
    } catch (error) {
      if (!isRetriable(error, attempt) || attempt >= maxAttempts || signal?.aborted) throw error
      onRetry?.(error, attempt)
      await sleep(clock, delayMs(error, attempt), signal)
      if (signal?.aborted) throw logClosed(error)
      await beforeRetry?.()
    }
  }
}

/** @returns the pause after each attempt, which doubles from `firstMs` up to `maxMs` */
export const exponentialBackoff =
  (firstMs: number, maxMs: number) =>
  (attempt: number): number =>
    Math.min(firstMs * 2 ** (attempt - 1), maxMs)

/** Resolves after `ms`, or as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
    if (signal?.aborted) done()
  })
}

/** Resolves when `work` settles, or after `ms`. The outcome of `work` does not matter. */
export async function settledWithin(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const settled = new AbortController()
  const end = () => settled.abort()
  work.then(end, end)
  await sleep(clock, ms, settled.signal)
}

export const logClosed = (cause?: unknown): JoineryError =>
  new JoineryError('LOG_CLOSED', 'the log was closed', { ...(cause !== undefined && { cause }) })

/**
 * Settles as `work` does, unless the signal aborts first: the work then continues, and its outcome is ignored.
 *
 * @throws JoineryError `LOG_CLOSED` as soon as the signal aborts
 */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(logClosed())
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
