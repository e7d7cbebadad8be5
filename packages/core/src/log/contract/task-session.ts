import type { NewRecord } from '../../record.js'
import type { LogSource, TopicInfo, TopicPartition } from './log-source.js'

/**
 * The result of a commit. `'rejected'`: it is certainly not in the log. `'fenced'`: the log no longer accepts the session,
 * because a later owner has opened the task or the log has ended the session; in rare cases the commit is in the log.
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
  /** Records for the task's own changelog partition. The session adds the topic and the partition. */
  readonly changelog: readonly ChangelogRecord[]
  /**
   * The next offset of each input topic, for lag monitoring only. A log with consumer groups commits them to the group
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

/** A transactional writer for one task; opening a new session fences the earlier ones. */
export interface TaskSession {
  /** Identifies this owner of the task. */
  readonly token: TaskToken
  /**
   * When the log appended the OWNER record: milliseconds since the epoch, by the log's clock. Without that clock a session
   * cannot be opened (`TOPIC_UNSUITABLE`).
   */
  readonly openedAt: number
  /** The changelog partition with the task's state. Read it past `token.offset` before the first commit. */
  readonly changelog: TopicPartition
  /**
   * The largest commit that the log can take now, in bytes. A larger one may take too long, for example because of a
   * quota. It may change from commit to commit. Default: Joinery's own limit, 4 MiB, which is never exceeded by much.
   */
  readonly maxCommitBytes?: number
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
   *
   * @returns the buffer, for {@link TaskWork.buffered} of that commit
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
      /** See {@link CommitOutcome}. The session can no longer be used. */
      readonly outcome: 'rejected' | 'fenced' | 'unclear'
      /**
       * The underlying error, if there is one. Of a `'rejected'` commit, `RECORD_REFUSED` ({@link recordsRefused}) names outputs that
       * would be refused again: the task writes dead letters in their place.
       */
      readonly cause?: unknown
    }
