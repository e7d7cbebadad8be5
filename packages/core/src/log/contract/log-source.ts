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
  /** How long a compacted topic keeps tombstones, in milliseconds. A negative number means forever. */
  readonly deleteRetentionMs: number
  /** The largest record batch that the topic accepts, in bytes. */
  readonly maxMessageBytes: number
  /**
   * How long a topic that deletes records keeps them, by their timestamps, in milliseconds. Left out: forever, or not
   * known.
   */
  readonly retentionMs?: number
}

/** What writing to a topic depends on. */
export type OutputTopicInfo = Pick<TopicInfo, 'partitions' | 'maxMessageBytes' | 'retentionMs'>

/** Where to read from. */
export interface ReadPosition extends Origin {
  /**
   * The {@link Batch.leaderEpoch} with which a reader came to this offset. `undefined`: not known, so nothing is
   * compared.
   */
  readonly leaderEpoch?: number | undefined
}

/** Committed records of one partition, in offset order. It has no records when only `next` or `end` advanced. */
export interface Batch {
  /** Records in the order of their offsets, which need not be consecutive. */
  readonly records: readonly LogRecord[]
  /** The offset to read next after all of `records`. It also moves past transaction markers and aborted records. */
  readonly next: number
  /**
   * The epoch of the leader that appended what comes last before `next`, be it a record or a transaction marker. A log
   * whose leaders change numbers them, so that a partition that lost its end and grew again is distinguished from what it was
   * (KIP-320). Leave it out if the log cannot lose what it has acknowledged.
   */
  readonly leaderEpoch?: number | undefined
  /** The last stable offset of the partition, as far as the reader knows. The reader has caught up once `next` reaches it. */
  readonly end: number
}

/** The ends of a partition, as of the last response to one of its readers. */
export interface FetchedEnds {
  /** The offset up to which committed records can be read. */
  readonly lastStableOffset: number
  /** The end offset, including records of open transactions. */
  readonly highWatermark: number
}

/** Layer 1: reading. It needs no group; Joinery uses it for live input, restoring and queries alike. */
export interface LogSource {
  /**
   * Describes topics.
   *
   * @param outputs those of the topics that the application writes to; default: none. A log may prepare for writing to them.
   * @returns one entry for each topic, in the order of `topics`
   * @throws JoineryError `TOPIC_MISSING`, with the names of all topics that do not exist, `NOT_AUTHORIZED` if describing it is not permitted
   */
  describe(topics: readonly string[], outputs?: readonly string[]): Promise<readonly TopicInfo[]>
  /**
   * Fetches an end offset. Every call sends a new request; a cached offset is not good enough.
   *
   * @param kind `'high-watermark'`: an offset after every record that was acknowledged before the call, committed or not.
   * `'last-stable-offset'`: the offset up to which committed records can be read now.
   * @returns the offset after the last record of that kind
   */
  endOffset(at: TopicPartition, kind: 'high-watermark' | 'last-stable-offset'): Promise<number>
  /**
   * Looks up the ends of a partition that is being read, without a request. If the high watermark stays beyond the last stable
   * offset, Joinery reports that a producer's transaction holds up the partition. A log without transactions omits it.
   *
   * @returns the ends as of the last response; `undefined` if they are not known
   */
  fetchedEnds?(at: TopicPartition): FetchedEnds | undefined
  /** @returns the lowest offset that can still be read */
  earliestOffset(at: TopicPartition): Promise<number>
  /**
   * Reads committed records from an offset onwards. It never ends by itself; when `signal` aborts, it ends without an error.
   *
   * When the reader catches up, it yields a batch whose `next` has reached `end`; the batch is empty if no records remain.
   * It does so again whenever the end advances without a new record. It reads ahead by a bounded amount only, and pauses
   * until the consumer requests the next batch.
   *
   * @returns the batches, each of which continues at the `next` of the one before
   * @throws JoineryError `OFFSET_OUT_OF_RANGE` if the offset was deleted or is beyond the end, or if the log was truncated
   * before the offset since `from.leaderEpoch`, even if it has grown again; reading never skips to another offset silently
   */
  read(from: ReadPosition, signal: AbortSignal): AsyncIterable<Batch>
}
