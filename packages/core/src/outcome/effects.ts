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

/** Something about a call that people want to know. */
export interface CallEvent {
  /**
   * `call-not-sent`: the request was provably not sent, and is retried.
   * `in-doubt`: nobody knows whether the request was made. `call-resolved`: a person's decision was applied.
   * `call-contradiction`: somebody says otherwise than what was settled, and is not heard.
   */
  readonly type: 'call-not-sent' | 'in-doubt' | 'call-resolved' | 'call-contradiction'
  readonly pipeline: string
  readonly callId: string
  readonly partition: number
  /** The claim that it is about. */
  readonly token: string
  /** In words. */
  readonly reason: string
}

/** Where an operator puts what it wants done. Nothing of it happens before the whole is committed. */
export interface Effects {
  /** Milliseconds of the log's clock: brokers refuse timestamps that lie too far ahead of theirs, whatever time it is here. */
  readonly logNow: number
  output(record: NewRecord, bytes: number): void
  /** A change of the operator's state, by changelog key; `null` deletes. */
  putState(key: Uint8Array, value: Uint8Array | null): void
  outcome(outcome: Outcome | CallEvent): void
}

/** Where an operator of calls puts what it wants done. */
export interface CallEffects extends Pick<Effects, 'logNow' | 'output' | 'outcome'> {
  /** A change of a call, by changelog key; `null` deletes. */
  putCall(key: Uint8Array, value: Uint8Array | null): void
}

/** The rows that a chunk of records needs, fetched beforehand. */
export interface Rows {
  /** For each table of the pipeline, for each key of the chunk: the row as it is now. */
  readonly values: readonly (readonly (StoredRow | undefined)[])[]
  /** Whether each table's rows are certain; after a start, a compacted table's are not until it was read to its end. */
  readonly known: readonly boolean[]
}

/** What topics that are written to can take. */
export interface OutputTopicInfo {
  readonly partitions: number
  readonly maxMessageBytes: number
}
