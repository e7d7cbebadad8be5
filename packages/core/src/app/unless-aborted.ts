import { JoineryError } from '../errors.js'
import { Deferred } from './deferred.js'

/**
 * Starts something, unless a signal is aborted first.
 *
 * @throws JoineryError `APP_CLOSED` if it is aborted; or the error of `start`
 */
export async function unlessAborted(signal: AbortSignal | undefined, start: () => Promise<void>): Promise<void> {
  if (signal === undefined) return start()
  const aborted = new Deferred()
  aborted.ignoreRejection()
  const abort = (): void =>
    aborted.reject(
      new JoineryError('APP_CLOSED', 'the signal was aborted before the application had started', {
        cause: signal.reason,
      }),
    )
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  const started = signal.aborted ? aborted.promise : start()
  try {
    await Promise.race([started, aborted.promise])
  } catch (error) {
    started.catch(() => {}) // the log may fail later: its result is no longer needed
    throw error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
