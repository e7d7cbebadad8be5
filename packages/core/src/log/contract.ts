import type { Headers, LogRecord, NewRecord, Origin } from '../record.js'

export type { Headers, LogRecord, NewRecord, Origin }

/** What a log's tasks promise: each effect once, or at least once. */
export type Guarantee = 'exactly-once' | 'at-least-once'

/** One partition of a topic. */
export interface TopicPartition {
  /** The topic. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
}

/** A topic as it is now. */
export interface TopicInfo {
  /** Its name. */
  readonly topic: string
  /** Identity that a deleted and re-created topic does not share with its predecessor. */
  readonly id: string
  /** How many there are; a change is an error for whoever has state. */
  readonly partitions: number
  /** `compact`: the latest record of each key stays for ever; anything else may lose rows. */
  readonly cleanup: 'compact' | 'delete' | 'compact,delete'
  /** How long a compacted topic keeps tombstones, in milliseconds. */
  readonly deleteRetentionMs: number
  /** The largest record batch that the topic takes, in bytes. */
  readonly maxMessageBytes: number
}

/** Committed records of one partition, in offset order. Empty when only the position or the end moved. */
export interface Batch {
  /** In the order of their offsets, which need not be dense. */
  readonly records: readonly LogRecord[]
  /** The offset to read next, once all of `records` are processed. It also passes markers and aborted records. */
  readonly next: number
  /** The partition's stable end as far as known: when `next` has reached it, the reader is caught up. */
  readonly end: number
}

/** Layer 1: reading. Group-less; used alike for live input, restore and queries. */
export interface LogSource {
  /**
   * Facts about topics, in the order asked.
   *
   * @throws JoineryError `TOPIC_MISSING` for a topic that does not exist, `NOT_AUTHORIZED` where the topic may not be described.
   */
  describe(topics: readonly string[]): Promise<readonly TopicInfo[]>
  /**
   * An end offset, asked anew. `'high-watermark'`: behind everything that was acknowledged before the call, committed or not
   * (the high watermark). `'last-stable-offset'`: up to where committed records can be read now (the last stable offset).
   */
  endOffset(at: TopicPartition, kind: 'high-watermark' | 'last-stable-offset'): Promise<number>
  /** The earliest offset that can still be read. */
  earliestOffset(at: TopicPartition): Promise<number>
  /**
   * Reads committed records from an offset, for ever, until `signal` aborts (then it ends without an error). The
   * batch with which it has caught up says so: its `next` has reached `end`; an empty one comes if no records do, and
   * again whenever the end moves without a record. Holds back when nobody asks
   * for the next batch: what it has read ahead is bounded.
   *
   * @throws JoineryError `OFFSET_OUT_OF_RANGE` when the offset is not in the log any more or beyond its end; never a silent jump.
   */
  read(from: Origin, signal: AbortSignal): AsyncIterable<Batch>
}

/** Layer 2: appending outside of tasks. */
export interface LogSink {
  /** Durable, and in order within a partition, when resolved. */
  append(records: readonly NewRecord[]): Promise<void>
}

/** What a member of a group is told. Calls do not overlap, but for `lost`. */
export interface GroupMember {
  /** The member owns these tasks now; `tasks` is the whole assignment, kept ones included. */
  assigned(tasks: readonly number[]): void
  /** Called before any task is given away; the group waits for it. On return nothing of these tasks runs. */
  revoked(tasks: readonly number[]): Promise<void>
  /** The member was expelled or cannot prove that it was not: all tasks stop at once, nothing is flushed. */
  lost(): void
  /** Tasks that the member holds now, so that the assigner leaves them where they are. */
  ownedTasks(): readonly number[]
  /** The membership ended for good. */
  failed(error: Error): void
}

/** One membership. */
export interface Membership {
  /**
   * Asks the group now. `'member'` proves that, at the time of sending, this member was in the group and its assignment
   * in force; `'rebalancing'`: wait for `assigned`; `'lost'`: not a member any more.
   */
  verify(): Promise<'member' | 'rebalancing' | 'lost'>
  /** Leaves the group; idempotent. */
  leave(): Promise<void>
}

/** Layer 3: who owns which task. */
export interface LogGroup {
  /** Joins `group`. Task p is partition p of all of `topics`, which have the same partition count. */
  join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership>
}

/** What became of a commit. `'rejected'`: it surely is not in the log. `'unclear'`: it may be or not. */
export type CommitOutcome = 'committed' | 'rejected' | 'fenced' | 'unclear'

/** The order of owners: positions of OWNER records in the changelog with that identity. Later is newer. */
export interface TaskToken {
  /** Identity of the changelog. */
  readonly topicId: string
  /** The offset of OWNER in the task's partition of it. */
  readonly offset: number
}

/** What is written together. */
export interface TaskWork {
  /** For topics of the users: results and dead letters. */
  readonly outputs: readonly NewRecord[]
  /** Outputs in a buffer of the session's own making; they come before the others. */
  readonly buffered?: OutputBuffer
  /** Records of the task's own changelog partition; topic and partition are the session's business. */
  readonly changelog: readonly ChangelogRecord[]
  /** For lag tools only: the next offset for each input topic, published after the commit if the log can. */
  readonly offsets: ReadonlyMap<string, number>
}

/** A record of a changelog. */
export interface ChangelogRecord {
  /** As docs/changelog-format.md describes it. */
  readonly key: Uint8Array
  /** `null` deletes. */
  readonly value: Uint8Array | null
}

/** Gathers outputs in the form that a session sends them in. */
export interface OutputBuffer {
  /** Takes a record; nothing of it is needed afterwards. */
  add(record: NewRecord): void
}

/** A fenced writer of one task: at most one of them can commit, the newest. */
export interface TaskSession {
  /** This owner. */
  readonly token: TaskToken
  /** When the log appended OWNER, by the log's clock, in milliseconds. */
  readonly openedAt: number
  /** Where the task's state is. Read it up to beyond `token.offset` before the first commit. */
  readonly changelog: TopicPartition
  /** Reads the changelog, for a session whose changelog is no topic of the log. */
  readonly source?: Pick<LogSource, 'earliestOffset' | 'read'>
  /**
   * Writes all of it or nothing. One at a time.
   *
   * @throws JoineryError for what no new session cures, such as `NOT_AUTHORIZED` or `TOPIC_MISSING`; then nothing is committed. A
   * retriable one asks for a pause before the next session.
   * @returns with `'committed'`, the offset of the last changelog record.
   */
  commit(work: TaskWork): Promise<CommitResult>
  /**
   * A new, empty buffer for the outputs of one commit: for a session that can encode them as they come, so that what waits
   * for its commit is bytes and no objects. A session without it is given records.
   */
  buffer?(): OutputBuffer
  /** Gives the session up without fencing anybody; idempotent. */
  close(): Promise<void>
}

/** What a commit answers. */
export type CommitResult =
  | {
      /** All of it is in the log. */
      readonly outcome: 'committed'
      /** The offset of the last changelog record. */
      readonly changelogOffset: number
    }
  | {
      /** See {@link CommitOutcome}: the session is of no use any more. */
      readonly outcome: 'rejected' | 'fenced' | 'unclear'
      /** What went wrong, if anything is known of it. */
      readonly cause?: unknown
    }

/** Layer 4: fenced sessions. `G`: what they can be asked to promise. */
export interface LogTasks<in G extends Guarantee = 'exactly-once'> {
  /** What sessions can promise, the strongest first, which is the default. */
  readonly guarantees: readonly Guarantee[]
  /**
   * Makes the application's changelog, one partition for each task, or checks the one that exists (it is never altered).
   * `maxMessageBytes`: the largest batch of any input. `reports`: also `<application>.calls.reports` with as many
   * partitions, which keeps its records for ever, for an application that makes calls.
   *
   * @throws JoineryError `TOPIC_UNSUITABLE`, `PARTITIONS_CHANGED`, `NOT_AUTHORIZED`.
   */
  prepare(options: {
    readonly application: string
    readonly partitions: number
    readonly maxMessageBytes: number
    readonly guarantee?: G
    readonly reports?: boolean
  }): Promise<TopicInfo>
  /** Fences every earlier session of this task and commits OWNER. */
  open(options: { readonly application: string; readonly task: number; readonly guarantee?: G }): Promise<TaskSession>
}

/** The offset to read next, with a note, as consumer groups of Kafka keep them. */
export interface OffsetAndMetadata {
  /** The offset to read next. */
  readonly offset: number
  /** Joinery's own, and some hundred bytes long; opaque to the log. Empty where somebody else has set the offset. */
  readonly metadata: string
}

/** The offsets of one task, in the hands of its owner. */
export interface TaskOffsets {
  /** What was saved last, by topic; empty for a new task. */
  readonly saved: ReadonlyMap<string, OffsetAndMetadata>
  /**
   * Replaces what is saved; durable when resolved. `'fenced'`: there is a later owner, and nothing was saved.
   *
   * @throws JoineryError retriable, if it may or may not have been saved
   */
  save(offsets: ReadonlyMap<string, OffsetAndMetadata>): Promise<'saved' | 'fenced'>
}

/** Layer 4 of a log without transactions: where each task goes on. With a sink it gives `'at-least-once'`. */
export interface LogOffsets {
  /** Takes a task over: from now on earlier owners are fenced, as far as the log can tell owners apart. */
  open(options: { readonly application: string; readonly task: number }): Promise<TaskOffsets>
}

/** A log, in layers. `G`: what it can be asked to promise; a log that offers more fits wherever less is asked for. */
export interface Log<in G extends Guarantee = 'exactly-once'> extends AsyncDisposable {
  /** Reads. */
  readonly source: LogSource
  /** Appends outside of tasks. */
  readonly sink: LogSink
  /** Says who owns which task. */
  readonly group: LogGroup
  /** Commits for tasks. */
  readonly tasks: LogTasks<G>
  /** Sizes of what the log itself holds in memory, by name; they are told with the application's gauges. */
  gauges?(): Readonly<Record<string, number>>
  /** What the log is retrying now, in words; an application's health reports it. */
  problems?(): readonly string[]
}
