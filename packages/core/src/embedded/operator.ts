import type { JoineryError } from '../errors.js'
import type { ChangelogRecord, TopicPartition } from '../log/contract.js'
import type { PipelineMetrics } from '../outcome/pipeline-metrics.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { LogRecord, NewRecord, Origin } from '../record.js'
import type { Awaitable } from '../store/contract.js'

/** A record that went nowhere, or to a dead-letter topic. */
export interface StepOutcome {
  /** Which of the two. */
  readonly type: 'dropped' | 'dead-lettered'
  /** Why. */
  readonly reason: Reason
  /** The record. */
  readonly origin: Origin
  /** What went wrong, where something did. */
  readonly error?: JoineryError
}

/**
 * What some records, or the passing of time, have caused. Nothing of it counts before {@link Step.commit}. The order is yours to
 * keep: outputs (and changelog records, if that is where state is) are durable first, then the step is committed, then the
 * consumer's offsets are.
 */
export interface Step {
  /**
   * How many of the records are done with, from the first one on. Not all, if the waiting room is full and the stream has to pause:
   * give the others again after table records, or after {@link Operator.expire}.
   */
  readonly consumed: number
  /** How many of these had been processed before, by their offsets, and were passed over. */
  readonly repeated: number
  /** Results and dead letters. */
  readonly outputs: readonly NewRecord[]
  /** Changes of the state, POSITION last, for a compacted topic of one partition for each operator. */
  readonly changelog: readonly ChangelogRecord[]
  /** Records that were dropped or dead-lettered, at most 1000 of them; the metrics count all. */
  readonly outcomes: readonly StepOutcome[]
  /**
   * Makes the step part of the state. If it fails, call it again, or {@link discard} the step.
   *
   * @throws JoineryError `STORE_FAILED`, or what the store says; `OPTION_INVALID` for a step that is over
   */
  commit(): Promise<void>
  /** Forgets the step: the same records may be processed again. */
  discard(): void
}

/** One pipeline for one partition of its inputs, in the hands of a consumer of your own. */
export interface Operator extends AsyncDisposable {
  /**
   * For each input topic that was read, the offset behind what is committed: where to go on reading. Records before it are passed
   * over.
   */
  readonly positions: Readonly<Record<string, number>>
  /**
   * Processes records of streams and tables, in the order given. One step at a time: commit it or discard it before the next.
   *
   * @param passed for topics whose reader has passed offsets without a record behind these, such as markers of transactions: the
   * offset to read next
   * @throws JoineryError `OPTION_INVALID` for records of other topics or partitions, or if a step is open; `STORE_FAILED`; what
   * `onError: 'halt'` asks for. Then no step is open, and nothing has happened.
   */
  process(records: readonly LogRecord[], passed?: Readonly<Record<string, number>>): Promise<Step>
  /** When to call {@link expire}, in milliseconds since the epoch; `undefined` while nothing has to. */
  readonly nextDeadline: number | undefined
  /**
   * Lets events expire whose deadline has passed. Before it gives up on a table, it asks for the table's end, and waits until that
   * has been processed: no event expires beside a row that was written before its deadline. If it was not processed yet, the
   * step of {@link process} that reaches the end lets them expire.
   *
   * @param ends answers the offset behind everything that was acknowledged (Kafka: the high watermark, which `LogSource.end`
   * with `'high-watermark'` asks for)
   * @throws JoineryError as {@link process}, or what `ends` throws
   */
  expire(ends: (table: TopicPartition) => Awaitable<number>): Promise<Step>
  /** Replaces the state by what a changelog holds: all of its records, in order. For the start, before anything is processed. */
  restore(changelog: Iterable<ChangelogOf> | AsyncIterable<ChangelogOf>): Promise<void>
  /** How many rows its stores have let go since they were opened: 0, unless they are told that rows may be lost. */
  readonly lostRows: number
  /** Totals and waiting events as of the last commit. */
  metrics(): PipelineMetrics
}

/** A record of a changelog as it is read back. */
export type ChangelogOf = Pick<LogRecord, 'key' | 'value'>
