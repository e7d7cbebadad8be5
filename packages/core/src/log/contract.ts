import type { Headers, LogRecord, NewRecord, Origin } from '../record.js'

export type { Headers, LogRecord, NewRecord, Origin }

/** How often the effects of an input record can appear in the outputs of a task. */
export type Guarantee = 'exactly-once' | 'at-least-once'

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
   * @throws JoineryError `TOPIC_MISSING` if a topic does not exist, `NOT_AUTHORIZED` if describing it is not permitted
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

/** Layer 2: appending records outside of tasks. */
export interface LogSink {
  /** Appends records. When it resolves, they are durable, and in order within each partition. */
  append(records: readonly NewRecord[]): Promise<void>
}

/** Callbacks of a group member. The log never calls two of them at the same time, except that `lost` can come at any time. */
export interface GroupMember {
  /** Assigns tasks to the member. `tasks` is the whole assignment, including tasks that the member already owns. */
  assigned(tasks: readonly number[]): void
  /**
   * Revokes tasks. The group assigns them to no other member before the promise resolves; by then the member has stopped
   * them.
   */
  revoked(tasks: readonly number[]): Promise<void>
  /** The group removed the member, or the member cannot verify that it did not. All tasks stop at once without a commit. */
  lost(): void
  /** @returns the tasks that the member owns now, so that the assignor can leave them where they are */
  ownedTasks(): readonly number[]
  /** The membership failed and cannot continue. */
  failed(error: Error): void
}

/** The membership of one member in a group. */
export interface Membership {
  /**
   * Verifies the membership with the group. Every call sends a new request.
   *
   * @returns `'member'`: when the request was sent, the member belonged to the group and its assignment was current.
   * `'rebalancing'`: wait for the next call of `assigned`. `'lost'`: the member no longer belongs to the group.
   */
  verify(): Promise<'member' | 'rebalancing' | 'lost'>
  /** Leaves the group. Idempotent. */
  leave(): Promise<void>
}

/** Layer 3: distributing tasks among the instances of an application. */
export interface LogGroup {
  /**
   * Joins a group.
   *
   * @param group the name of the application
   * @param topics the inputs, which have equal partition counts: task p processes partition p of each of them
   */
  join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership>
}

/**
 * The result of a commit. `'rejected'`: it is certainly not in the log. `'fenced'`: a later owner has opened the task.
 * `'unclear'`: it may or may not be in the log.
 */
export type CommitOutcome = 'committed' | 'rejected' | 'fenced' | 'unclear'

/**
 * Identifies the owner of a task and orders owners: each owner appends an OWNER record to the task's changelog partition,
 * and a higher offset is a later owner.
 */
export interface TaskToken {
  /** The {@link TopicInfo.id} of the changelog. Offsets of different changelogs cannot be compared. */
  readonly topicId: string
  /** The offset of the OWNER record in the task's changelog partition. */
  readonly offset: number
}

/** The contents of one commit. */
export interface TaskWork {
  /** Records for topics other than the changelog: results and dead letters. */
  readonly outputs: readonly NewRecord[]
  /** More outputs, in a buffer that {@link TaskSession.buffer} returned. They come before `outputs`. */
  readonly buffered?: OutputBuffer
  /** Records for the task's own changelog partition. The session knows the topic and the partition. */
  readonly changelog: readonly ChangelogRecord[]
  /**
   * The next offset of each input topic, for tools that display consumer lag. A log that can publish offsets does so
   * after the commit; Joinery itself never reads them.
   */
  readonly offsets: ReadonlyMap<string, number>
}

/** A record of a changelog, in the format of docs/changelog-format.md. */
export interface ChangelogRecord {
  /** The encoded key. */
  readonly key: Uint8Array
  /** The encoded value; `null` deletes the entry. */
  readonly value: Uint8Array | null
}

/** Collects outputs in the form in which a session sends them. */
export interface OutputBuffer {
  /** Adds a record. The buffer keeps no reference to it. */
  add(record: NewRecord): void
}

/** A fenced writer of one task. Only the session that was opened last can commit. */
export interface TaskSession {
  /** Identifies this owner of the task. */
  readonly token: TaskToken
  /** When the log appended the OWNER record: milliseconds since the epoch, by the clock of the log. */
  readonly openedAt: number
  /** The changelog partition with the task's state. Read it past `token.offset` before the first commit. */
  readonly changelog: TopicPartition
  /** Reads the changelog, if the changelog is not a topic of the log. */
  readonly source?: Pick<LogSource, 'earliestOffset' | 'read'>
  /**
   * Writes everything in `work`, or nothing. Joinery never starts a commit before the previous one has ended.
   *
   * @returns the outcome, and after `'committed'` the offset of the last changelog record
   * @throws JoineryError if a new session would fail in the same way, such as `NOT_AUTHORIZED` or `TOPIC_MISSING`. Nothing
   * was committed then. After a retriable error, Joinery waits before it opens the next session.
   */
  commit(work: TaskWork): Promise<CommitResult>
  /**
   * Creates an empty buffer for the outputs of one commit. Implement it if the session can encode records as they come:
   * the outputs that wait for the commit are then bytes and not objects. Without it, Joinery passes all outputs as records.
   */
  buffer?(): OutputBuffer
  /** Closes the session without fencing any other. Idempotent. */
  close(): Promise<void>
}

/** The result of {@link TaskSession.commit}. */
export type CommitResult =
  | {
      /** Everything is in the log. */
      readonly outcome: 'committed'
      /** The offset of the last changelog record. */
      readonly changelogOffset: number
    }
  | {
      /** See {@link CommitOutcome}. The session cannot be used any more. */
      readonly outcome: 'rejected' | 'fenced' | 'unclear'
      /** The underlying error, if there is one. */
      readonly cause?: unknown
    }

/** Layer 4: fenced sessions. `G` is the guarantee that an application can request. */
export interface LogTasks<in G extends Guarantee = 'exactly-once'> {
  /** The guarantees that sessions can give, the strongest first. The first one is the default. */
  readonly guarantees: readonly Guarantee[]
  /**
   * Creates the changelog of an application, with one partition for each task. If it exists, checks it and never alters it.
   *
   * @returns the description of the changelog
   * @throws JoineryError `TOPIC_UNSUITABLE`, `PARTITIONS_CHANGED`, `NOT_AUTHORIZED`
   */
  prepare(options: {
    readonly application: string
    /** The number of tasks. */
    readonly partitions: number
    /** The largest record batch of any input, in bytes: the changelog has to accept as much. */
    readonly maxMessageBytes: number
    /** The requested guarantee; the default is the first of `guarantees`. */
    readonly guarantee?: G
    /**
     * Also create the reports topic, for an application that makes calls: `<application>.calls.reports`, with the same
     * number of partitions, which keeps its records forever. The default is `false`.
     */
    readonly reports?: boolean
  }): Promise<TopicInfo>
  /**
   * Opens a session: fences every earlier session of the task, and commits an OWNER record.
   *
   * @returns the session, which is the only one of the task that can commit
   */
  open(options: {
    readonly application: string
    readonly task: number
    /** The requested guarantee; the default is the first of `guarantees`. */
    readonly guarantee?: G
  }): Promise<TaskSession>
}

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
   * @returns the offsets of the task
   */
  open(options: { readonly application: string; readonly task: number }): Promise<TaskOffsets>
}

/**
 * A partitioned log, in layers. `G` is the guarantee that an application can request: a log that offers more guarantees
 * can be used wherever fewer are required.
 */
export interface Log<in G extends Guarantee = 'exactly-once'> extends AsyncDisposable {
  /** Layer 1: reads. */
  readonly source: LogSource
  /** Layer 2: appends outside of tasks. */
  readonly sink: LogSink
  /** Layer 3: distributes tasks among instances. */
  readonly group: LogGroup
  /** Layer 4: commits for tasks. */
  readonly tasks: LogTasks<G>
  /** @returns the sizes of what the log itself holds in memory, by name; `app.metrics().gauges` includes them */
  gauges?(): Readonly<Record<string, number>>
  /** @returns descriptions of what the log is retrying now; `app.health().problems` includes them */
  problems?(): readonly string[]
}
