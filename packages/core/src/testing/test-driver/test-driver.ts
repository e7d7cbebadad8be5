import type { Health, TableView } from '../../app/app.js'
import type { InDoubtCalls } from '../../app/calls/in-doubt-call.js'
import type { ConsumerRecord, ProducerRecord } from '../../app/typed-records.js'
import type { Duration } from '../../duration.js'
import type { DeadLetterInfo } from '../../outcome/dead-letter-info.js'
import type { PipelineMetrics } from '../../outcome/pipeline-metrics.js'
import type { CallOnce } from '../../pipeline/call-once.js'
import type { Table } from '../../pipeline/table.js'
import type { ReadableTopic, WritableTopic } from '../../pipeline/topic.js'
import type { ManualClock } from '../manual-clock.js'

/** A dead letter, and the reason for it. */
export interface DeadLetterRecord<K, V> extends ConsumerRecord<K, V> {
  /** The decoded headers of the dead letter. */
  readonly info: DeadLetterInfo
}

/**
 * Runs pipelines with a clock that a test controls. It is the real runtime on an in-memory log. When the promise of a method
 * resolves, everything that the call caused has been processed and committed.
 */
export interface TestDriver extends AsyncDisposable {
  /** The clock. {@link TestDriver.advance} moves it. */
  readonly clock: ManualClock
  /**
   * Appends records to an input topic. A record without a timestamp gets the time of the clock.
   *
   * @throws JoineryError `OPTION_INVALID` if no pipeline reads the topic; or the error that stopped the application
   */
  produce<K, In>(
    topic: WritableTopic<K, In>,
    ...records: readonly ProducerRecord<NoInfer<K>, NoInfer<In>>[]
  ): Promise<void>
  /**
   * Consumes outputs.
   *
   * @returns the records that were written to the topic since the last call, in the order of each partition
   * @throws JoineryError `DECODE_FAILED`; `OPTION_INVALID` if no pipeline writes to the topic
   */
  consume<K, V>(topic: ReadableTopic<K, V>): readonly ConsumerRecord<K, V>[]
  /**
   * Consumes dead letters. Use the serdes of the stream: `consumeDeadLetters(events.named('events.dead'))`.
   *
   * @returns the dead letters that were written to the topic since the last call
   * @throws JoineryError `DECODE_FAILED`; `OPTION_INVALID` if no pipeline writes to the topic
   */
  consumeDeadLetters<K, V>(topic: ReadableTopic<K, V>): readonly DeadLetterRecord<K, V>[]
  /** Advances the clock. Timers that become due fire in order, each at its own time. */
  advance(by: Duration): Promise<void>
  /** Stops the application and starts it again on the same log and stores. A crash commits nothing before it stops. */
  restart(how: 'clean' | 'crash'): Promise<void>
  /**
   * Reads the metrics of a pipeline.
   *
   * @param pipeline the name of the pipeline; it can be omitted if there is only one
   * @returns totals and waiting events of all tasks as of the last commit
   * @throws JoineryError `OPTION_INVALID` if there is no such pipeline
   */
  metrics(pipeline?: string): PipelineMetrics
  /** @returns the calls of a pipeline that are in doubt; resolving one takes effect during the next {@link TestDriver.advance} */
  inDoubtCalls<K, R>(pipeline: CallOnce<K, R>): InDoubtCalls<R>
  /** @returns a view of the rows of a table */
  query<K, T>(table: Table<K, T>): TableView<K, T>
  /** @returns the health of the application, as `App.health` does */
  health(): Health
}
