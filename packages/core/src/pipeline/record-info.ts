import type { Headers, Origin } from '../record.js'

/** What user functions are told about the stream record they work on. */
export interface RecordInfo<out K> {
  /** The decoded key; `null` where the record has none, which no inner join lets pass. */
  readonly key: K
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** As they came, in order. */
  readonly headers: Headers
  /** Where the record lies in its topic. */
  readonly origin: Origin
}
