import type { InputPosition } from '../../changelog/position-record.js'
import { isStale } from '../../changelog/store-position.js'
import type { TopicInfo } from '../../log/contract.js'
import { tombstoneRetentionMs } from '../../log/tombstone-retention.js'

/** How many end offsets are requested while the topic keeps a tombstone. */
const REFRESHES_PER_RETENTION = 8

/**
 * Until when a task has read the deletions of a table whose rows are kept in the changelog. POSITION carries it. If a table is
 * not read to its end for longer than its topic keeps tombstones, compaction may have removed some that were never read.
 *
 * A compacted topic that never deletes shows which rows are gone, so the rows are compared with it. In a topic that deletes
 * too, a row that is gone may just as well be one that retention has removed, and the table keeps those. Then it is
 * not known which rows were deleted, and {@link problem} says so.
 */
export class TopicFreshness {
  readonly deleteRetentionMs: number
  readonly #topic: string
  /** Whether the topic shows which rows are gone. */
  readonly #isComparable: boolean
  /** When the latest end offset that the table has reached was requested, in milliseconds of the log's clock. */
  #caughtUpAt: number
  #savedAt: number
  /** Since when what a comparison has found is known; not saved, because a crash before it is committed forgets it. */
  #comparedAt = Number.NEGATIVE_INFINITY
  #unread: InputPosition['unread']

  /**
   * @param committed `undefined`: nothing has been read
   * @param now milliseconds of the log's clock
   */
  constructor(
    { topic, cleanup, deleteRetentionMs }: Pick<TopicInfo, 'topic' | 'cleanup' | 'deleteRetentionMs'>,
    committed: InputPosition | undefined,
    now: number,
  ) {
    this.#topic = topic
    this.#isComparable = cleanup === 'compact'
    this.deleteRetentionMs = tombstoneRetentionMs({ cleanup, deleteRetentionMs })
    // a position without the time is that of an earlier version: it is unknown what was missed
    const unknown = this.#isComparable ? Number.NEGATIVE_INFINITY : now
    this.#caughtUpAt = committed === undefined ? now : (committed.caughtUpAt ?? unknown)
    this.#savedAt = this.#caughtUpAt
    this.#unread = committed?.unread
  }

  /** Whether the rows have to be compared with the topic. */
  isStale(now: number): boolean {
    return this.#isComparable && isStale(Math.max(this.#caughtUpAt, this.#comparedAt), now, this.deleteRetentionMs)
  }

  /** When the next end offset should be requested. */
  get refreshAt(): number {
    return this.#caughtUpAt + this.deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /** Whether the time of the last catch-up should be saved although nothing else has changed. */
  get isSaveDue(): boolean {
    return this.#caughtUpAt - this.#savedAt >= this.deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /**
   * The rows were compared with the topic as of `at`.
   *
   * @param isUpToDate whether no row was missing there: otherwise they still have to be deleted
   */
  compared(at: number, isUpToDate: boolean): void {
    if (isUpToDate) this.#caughtUpAt = Math.max(this.#caughtUpAt, at)
    else this.#comparedAt = at
  }

  /** An end offset that was requested at `time` has been reached now. */
  reached(time: number, now: number): void {
    this.#unread = this.#longestUnread(now)
    this.#caughtUpAt = Math.max(this.#caughtUpAt, time)
  }

  /** @returns what a commit saves */
  saved(): Pick<InputPosition, 'caughtUpAt' | 'unread'> {
    this.#savedAt = this.#caughtUpAt
    return {
      ...(Number.isFinite(this.#caughtUpAt) && { caughtUpAt: this.#caughtUpAt }),
      ...(this.#unread && { unread: this.#unread }),
    }
  }

  /** Which deletions may have been missed for good, and what to do, as text. It ends with a sufficient setting. */
  problem(partition: number, now: number): string | undefined {
    const unread = this.#longestUnread(now)
    if (unread === undefined || unread.to - unread.from <= this.deleteRetentionMs) return undefined
    const { from, to } = unread
    return `table ${this.#topic}[${partition}] may have rows that were deleted between ${timeOf(from)} and ${timeOf(to)}: it was not read to its end for ${to - from} ms, and delete.retention.ms of its topic, which also deletes rows by itself, is ${this.deleteRetentionMs}; write the deletions of that time again and set delete.retention.ms to at least ${to - from}, or reset the application, which forgets the rows that only it has kept; then restart`
  }

  #longestUnread(now: number): InputPosition['unread'] {
    if (this.#isComparable || now - this.#caughtUpAt <= this.deleteRetentionMs) return this.#unread
    const unread = { from: this.#caughtUpAt, to: now }
    const { from, to } = this.#unread ?? { from: 0, to: 0 }
    return unread.to - unread.from > to - from ? unread : this.#unread
  }
}

/** Its Swedish format is that of ISO 8601. */
const FORMAT = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: 'UTC' })
const timeOf = (ms: number): string => `${FORMAT.format(ms)} UTC`
