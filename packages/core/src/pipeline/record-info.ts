import type { Headers, Origin } from '../record.js'

/** The stream record that a user function works on. */
export interface RecordInfo<out K> {
  /** The decoded key; `null` if the record has none. Inner joins drop such records. */
  readonly key: K
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** All headers, in order. */
  readonly headers: Headers
  /** The position of the record in its topic. */
  readonly origin: Origin
}
