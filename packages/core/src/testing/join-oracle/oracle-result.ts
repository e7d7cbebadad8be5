import type { Reason } from '../../pipeline/dead-letter.js'

/** The outcome of an event. Events are numbered from 0, in the order of the history. */
export interface OracleOutcome {
  /** What happens to the event. */
  readonly type: 'emit' | 'drop' | 'dead-letter'
  /** The number of the event. */
  readonly event: number
  /** The key of the event. */
  readonly key: string | null
  /** The reason, unless the event is emitted. */
  readonly reason?: Reason
  /** The row of each join, if the event is emitted; `undefined` for a left join without a row. */
  readonly rows?: readonly (string | undefined)[]
  /** How long the event had waited, in milliseconds. */
  readonly ageMs: number
}

/** What a chain of joins does with a history. */
export interface OracleResult {
  /** Outcomes in the order in which they occur. Only the order of events with the same key is guaranteed. */
  readonly outcomes: readonly OracleOutcome[]
  /** The numbers of the events that still wait, or cannot be processed because the wait buffer is full. */
  readonly waiting: readonly number[]
}
