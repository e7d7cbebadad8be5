import type { JoineryError } from '../errors.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { NewRecord, Origin } from '../record.js'
import type { StoredRow } from '../store/stored-row.js'

/** A record that was dropped or dead-lettered. */
export interface Outcome {
  readonly type: 'dropped' | 'dead-lettered'
  readonly reason: Reason
  readonly origin: Origin
  readonly error?: JoineryError
}

/** An event of a call that is reported to the people who operate the application. */
export interface CallEvent {
  /**
   * `call-not-sent`: the request was provably not sent, and is retried.
   * `in-doubt`: it is unknown whether the request was made. `call-resolved`: a person's decision was applied.
   * `call-contradiction`: a report contradicts what was settled, and was ignored.
   */
  readonly type: 'call-not-sent' | 'in-doubt' | 'call-resolved' | 'call-contradiction'
  readonly pipeline: string
  readonly callId: string
  readonly partition: number
  /** Identifies the claim. */
  readonly token: string
  /** The reason, as text. */
  readonly reason: string
}

/** An output that the log has refused for good. */
export interface Refusal {
  /** The reason that the log has given. */
  readonly reason: string
  /** How often. */
  readonly times: number
}

/** Collects the decisions of an operator. None of them takes effect before all of them are committed. */
export interface Effects {
  /** Milliseconds of the log's clock: brokers compare timestamps with their own clock, not with this machine's. */
  readonly logTimeMs: number
  output(record: NewRecord, bytes: number): void
  /** @returns how the log has refused an output before; `undefined` if it has not */
  refusal(topic: string, origin: Uint8Array): Refusal | undefined
  /** Changes the operator's state, by changelog key; `null` deletes. */
  putState(key: Uint8Array, value: Uint8Array | null): void
  outcome(outcome: Outcome | CallEvent): void
}

/** Collects the decisions of a call operator. */
export interface CallEffects extends Pick<Effects, 'logTimeMs' | 'output' | 'refusal' | 'outcome'> {
  /** Changes a call, by changelog key; `null` deletes. */
  putCall(key: Uint8Array, value: Uint8Array | null): void
}

/** The rows that a batch of records needs, already fetched. */
export interface Rows {
  /** For each table of the pipeline, and each key of the batch: the current row. */
  readonly values: readonly (readonly (StoredRow | undefined)[])[]
  /** Whether each table has caught up. Before that, the rows of a compacted table may be wrong or missing. */
  readonly caughtUp: readonly boolean[]
}
