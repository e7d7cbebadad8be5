import type { Reason } from '../pipeline/dead-letter.js'
import type { Headers, Origin } from '../record.js'
import { AGE_HEADER, ERROR_HEADER, OMITTED_HEADER, REASON_HEADER, TABLE_HEADER } from './headers.js'
import { recordOrigin } from './record-origin.js'

/** Information about a dead letter. */
export interface DeadLetterInfo {
  /** The reason. */
  readonly reason: Reason
  /** The application that dead-lettered it. */
  readonly application: string
  /** The original record. */
  readonly origin: Origin
  /** How long it had waited, in milliseconds. */
  readonly ageMs: number
  /** The table whose row was missing. */
  readonly table?: string
  /** The error message. */
  readonly message?: string
  /**
   * What the dead letter lacks of the original record, because its topic does not accept it as a whole: `origin` names the
   * original. A value that was omitted is `null`, as that of a tombstone.
   */
  readonly omitted?: readonly Omitted[]
}

/** A part of a record that a dead letter may lack. */
export type Omitted = 'headers' | 'value' | 'key'

/**
 * Reads the `joinery-*` headers of a dead letter.
 *
 * @returns the reason, the original record and the details; `undefined` if the record is not a dead letter
 *
 * @example
 * ```ts
 * import type { Headers } from '@joinery/core'
 *
 * const headers: Headers = [
 *   ['joinery-reason', Buffer.from('no-row')],
 *   ['joinery-origin', Buffer.from('service-a/product-activation/0/42')],
 *   ['joinery-age-ms', Buffer.from('1800000')],
 *   ['joinery-table', Buffer.from('product-information')],
 * ]
 * const info = deadLetterInfo(headers)
 * console.log(info?.reason, info?.table, info?.origin.offset, info?.ageMs) // no-row product-information 42 1800000
 * ```
 */
export function deadLetterInfo(headers: Headers): DeadLetterInfo | undefined {
  const text = (name: string): string | undefined => {
    const value = headers.findLast((header) => header[0] === name)?.[1]
    return value == null ? undefined : Buffer.from(value).toString()
  }
  const reason = text(REASON_HEADER)
  const from = recordOrigin(headers)
  if (reason === undefined || from === undefined) return undefined
  const { application, ...origin } = from
  const table = text(TABLE_HEADER)
  const message = text(ERROR_HEADER)
  const omitted = text(OMITTED_HEADER)
  return {
    reason: reason as Reason,
    application,
    origin,
    ageMs: Number(text(AGE_HEADER)) || 0,
    ...(table !== undefined && { table }),
    ...(message !== undefined && { message }),
    ...(omitted !== undefined && { omitted: omitted.split(',') as Omitted[] }),
  }
}
