import type { Clock, Timer } from '@joinery/core'

/**
 * Starts one attempt after the other, the next one when the previous has failed or has taken `delayMs`, and takes the
 * first success. Only for requests that may run more than once.
 *
 * @returns the result of the first attempt that succeeds
 * @throws AggregateError with the errors of all attempts, in their order, if none does
 */
export function hedged<T>(attempts: readonly (() => Promise<T>)[], delayMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const errors: unknown[] = []
    let started = 0
    let failed = 0
    let timer: Timer | undefined
    const startNext = (): void => {
      timer?.cancel()
      const index = started++
      const attempt = attempts[index]
      if (attempt === undefined) return
      if (started < attempts.length) timer = clock.setTimeout(startNext, delayMs)
      attempt().then(
        (result) => {
          timer?.cancel()
          started = attempts.length
          resolve(result)
        },
        (error: unknown) => {
          errors[index] = error
          failed++
          if (failed === attempts.length) reject(new AggregateError(errors))
          else if (started < attempts.length) startNext()
        },
      )
    }
    if (attempts.length === 0) reject(new AggregateError([]))
    else startNext()
  })
}
