import type { JoineryError } from '../errors.js'
import type { ChangelogRecord, TopicPartition } from '../log/contract.js'
import type { PipelineMetrics } from '../outcome/pipeline-metrics.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { LogRecord, NewRecord, Origin } from '../record.js'
import type { Awaitable } from '../store/contract.js'

/** A record that was dropped or dead-lettered. */
export interface StepOutcome {
  /** The kind of outcome. */
  readonly type: 'dropped' | 'dead-lettered'
  /** The reason. */
  readonly reason: Reason
  /** The record. */
  readonly origin: Origin
  /** The error, if there was one. */
  readonly error?: JoineryError
}

/**
 * The effects of records, or of deadlines that have passed. None of them is part of the state before
 * {@link Step.commit}. Keep this order: make the outputs durable (and the changelog records, if the state is kept there), then
 * commit the step, then the consumer's offsets.
 */
export interface Step {
  /**
   * The number of records that were processed, from the first one on. Not all, if the wait buffer is full and the
   * stream has to pause: pass the others again after table records, or after {@link Operator.expire}. And not all, if a
   * record halts: see {@link Step.error}.
   */
  readonly consumed: number
  /**
   * The error of a record with `onError: 'halt'`, in front of which processing has stopped. Commit the step, which contains
   * everything before that record, and then stop with the error: it would occur again.
   */
  readonly error?: JoineryError
  /** The number of these that had been processed before, by their offsets, and were skipped. */
  readonly repeated: number
  /** Results and dead letters. */
  readonly outputs: readonly NewRecord[]
  /** Changes of the state, POSITION last, for a compacted topic with one partition for each operator. */
  readonly changelog: readonly ChangelogRecord[]
  /** Dropped and dead-lettered records, at most 1000; the metrics count all. */
  readonly outcomes: readonly StepOutcome[]
  /**
   * Makes the step part of the state. If it fails, call it again, or {@link discard} the step.
   *
   * @throws JoineryError `STORE_FAILED`, or the JoineryError of the store; `OPTION_INVALID` for a step that has ended
   */
  commit(): Promise<void>
  /** Discards the step: the same records can be processed again. */
  discard(): void
}

/** One pipeline for one partition of its inputs, used in your own consumer. */
export interface Operator extends AsyncDisposable {
  /**
   * For each input topic that was read, the offset after the last committed record: where to continue reading. Records
   * before it are skipped.
   */
  readonly positions: Readonly<Record<string, number>>
  /**
   * Processes records of streams and tables, in the given order. One step at a time: commit or discard it before the
   * next.
   *
   * @param passed for topics whose reader has passed offsets without a record after these, such as transaction markers:
   * the offset to read next
   * @returns the step with their effects, to be committed or discarded
   * @throws JoineryError `OPTION_INVALID` for records of other topics or partitions, or if a step is open;
   * `STORE_FAILED`; the error of a record with `onError: 'halt'`, if nothing comes before it: otherwise it is
   * {@link Step.error}. Then no step is open, and nothing has happened
   */
  process(records: readonly LogRecord[], passed?: Readonly<Record<string, number>>): Promise<Step>
  /** When to call {@link expire}, in milliseconds since the epoch; `undefined` if no event has a deadline. */
  readonly nextDeadline: number | undefined
  /**
   * Lets events expire whose deadline has passed. Before an event expires at a table, this requests the table's end
   * offset, and waits until the table has been processed up to there: an event never expires although its row was
   * written before its deadline. If the table has not been processed that far yet, the events expire in the step of
   * {@link process} that reaches the end offset.
   *
   * @param ends returns the end offset after everything that was acknowledged (on Kafka: the high watermark, from
   * `LogSource.endOffset` with `'high-watermark'`)
   * @returns the step with the effects of the events that have expired, to be committed or discarded even if there are none
   * @throws JoineryError as {@link process}, or the error of `ends`
   */
  expire(ends: (table: TopicPartition) => Awaitable<number>): Promise<Step>
  /** Replaces the state by that of a changelog: all of its records, in order. Call it before anything is processed. */
  restore(changelog: Iterable<ChangelogOf> | AsyncIterable<ChangelogOf>): Promise<void>
  /**
   * The number of rows that the stores have evicted since they were opened: 0, unless the stores are configured to
   * evict.
   */
  readonly lostRows: number
  /** @returns totals and waiting events as of the last commit */
  metrics(): PipelineMetrics
}

/** A record of a changelog as it is read back. */
export type ChangelogOf = Pick<LogRecord, 'key' | 'value'>
