import { JoineryError } from '../errors.js'
import type { RefusedRecord } from '../record.js'

/**
 * Creates the error of a log that refuses records for good: the same records would be refused again, and others would not.
 *
 * @param refused at least one record
 * @returns a JoineryError `RECORD_REFUSED`, not retriable, to throw from {@link LogSink.append} or to return as the cause of a
 *   `'rejected'` commit
 *
 * @example
 * ```ts
 * const record = { topic: 'notifications', partition: 0, headers: [], reason: 'the record has no key' }
 * const error = recordsRefused([record], undefined)
 * console.log(error.message) // RECORD_REFUSED: notifications[0] does not accept a record: the record has no key
 * ```
 */
export function recordsRefused(refused: readonly RefusedRecord[], cause: unknown): JoineryError {
  const [{ topic, partition, reason }] = refused as readonly [RefusedRecord]
  const others = refused.length > 1 ? `, and ${refused.length - 1} more` : ''
  const message = `${topic}[${partition}] does not accept a record: ${reason}${others}`
  return new JoineryError('RECORD_REFUSED', message, { cause, refused, topic, partition })
}
