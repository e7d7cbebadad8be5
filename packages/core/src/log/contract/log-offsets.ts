import type { LogSink } from './log-sink.js'

/** An offset with metadata, as Kafka stores it for a consumer group. */
export interface OffsetAndMetadata {
  /** The offset to read next. */
  readonly offset: number
  /** A text of a few hundred bytes that is opaque to the log. Empty if a tool other than Joinery has set the offset. */
  readonly metadata: string
}

/** The offsets of one task, as its owner reads and writes them. */
export interface TaskOffsets {
  /** The offsets that were saved last, by topic. Empty for a new task. */
  readonly saved: ReadonlyMap<string, OffsetAndMetadata>
  /**
   * Replaces the saved offsets.
   *
   * @returns `'saved'`: the offsets are durable. `'fenced'`: a later owner has opened the task, and nothing was saved.
   * @throws JoineryError a retriable one, if the offsets may or may not have been saved
   */
  save(offsets: ReadonlyMap<string, OffsetAndMetadata>): Promise<'saved' | 'fenced'>
}

/**
 * Layer 4 of a log without transactions: the offsets from which tasks resume. Together with a {@link LogSink} it gives
 * `'at-least-once'`.
 */
export interface LogOffsets {
  /**
   * Takes over a task. From now on earlier owners are fenced, as far as the log can distinguish owners.
   *
   * @returns the saved offsets, with `save` to replace them
   */
  open(options: { readonly application: string; readonly task: number }): Promise<TaskOffsets>
}
