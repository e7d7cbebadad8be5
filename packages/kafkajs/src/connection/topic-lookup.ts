import { type Clock, JoineryError } from '@joinery/core'
import { ProtocolError } from '../protocol/protocol-error.js'
import { retry } from './retry.js'

const RETRY_MS = 100
const MAX_ATTEMPTS = 50

/**
 * Looks topics up, again while a broker responds with an error: it may not know a new topic yet, or may be busy.
 *
 * @param lookUp throws ProtocolError if the next attempt may succeed
 * @throws JoineryError `LOG_FAILED`, retriable, after five seconds; what `lookUp` throws otherwise
 */
export async function lookUpTopics<T>(
  { clock, closed }: { readonly clock: Clock; readonly closed: AbortSignal },
  lookUp: () => Promise<T>,
): Promise<T> {
  try {
    return await retry(lookUp, {
      clock,
      signal: closed,
      maxAttempts: MAX_ATTEMPTS,
      isRetriable: (error) => error instanceof ProtocolError,
      delayMs: () => RETRY_MS,
    })
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    const { message, topic } = cause
    throw new JoineryError('LOG_FAILED', `cannot look up topics: ${message}`, {
      cause,
      retriable: true,
      ...(topic !== undefined && { topic }),
    })
  }
}
