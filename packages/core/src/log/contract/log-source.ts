import type { LogRecord, Origin } from '../../record.js'

/** One partition of a topic. */
export interface TopicPartition {
  /** The topic. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
}

/** The current configuration of a topic. */
export interface TopicInfo {
  /** The topic's name. */
  readonly topic: string
  /** Identifies this incarnation of the topic: a topic that is deleted and created again gets another id. */
  readonly id: string
  /** The number of partitions. Joinery reports an error if it changes while a task has state. */
  readonly partitions: number
  /** The cleanup policy. Only `compact` keeps the latest record of every key forever; the others can delete rows. */
  readonly cleanup: 'compact' | 'delete' | 'compact,delete'
  /** How long a compacted topic keeps tombstones, in milliseconds. */
  readonly deleteRetentionMs: number
  /** The largest record batch that the topic accepts, in bytes. */
  readonly maxMessageBytes: number
}

/** What writing to a topic depends on. */
export type OutputTopicInfo = Pick<TopicInfo, 'partitions' | 'maxMessageBytes'>

/** Committed records of one partition, in offset order. It has no records when only `next` or `end` advanced. */
export interface Batch {
  /** Records in the order of their offsets, which need not be consecutive. */
  readonly records: readonly LogRecord[]
  /** The offset to read next after all of `records`. It also moves past transaction markers and aborted records. */
  readonly next: number
  /** The last stable offset of the partition, as far as the reader knows. The reader has caught up once `next` reaches it. */
  readonly end: number
}

/** Layer 1: reading. It needs no group; Joinery uses it for live input, restoring and queries alike. */
export interface LogSource {
  /**
   * Describes topics.
   *
   * @returns one entry for each topic, in the order of `topics`
   * @throws JoineryError `TOPIC_MISSING`, with the names of all topics that do not exist, `NOT_AUTHORIZED` if describing it is not permitted
   */
  describe(topics: readonly string[]): Promise<readonly TopicInfo[]>
  /**
   * Fetches an end offset. Every call sends a new request; a cached offset is not good enough.
   *
   * @param kind `'high-watermark'`: an offset after every record that was acknowledged before the call, committed or not.
   * `'last-stable-offset'`: the offset up to which committed records can be read now.
   * @returns the offset after the last record of that kind
   */
  endOffset(at: TopicPartition, kind: 'high-watermark' | 'last-stable-offset'): Promise<number>
  /** @returns the lowest offset that can still be read */
  earliestOffset(at: TopicPartition): Promise<number>
  /**
   * Reads committed records from an offset onwards. It never ends by itself; when `signal` aborts, it ends without an error.
   *
   * When the reader catches up, it yields a batch whose `next` has reached `end`; the batch is empty if no records remain.
   * It does so again whenever the end advances without a new record. It reads ahead by a bounded amount only, and pauses
   * until the consumer requests the next batch.
   *
   * @throws JoineryError `OFFSET_OUT_OF_RANGE` if the offset was deleted or is beyond the end; reading never skips to
   * another offset silently
   */
  read(from: Origin, signal: AbortSignal): AsyncIterable<Batch>
}
