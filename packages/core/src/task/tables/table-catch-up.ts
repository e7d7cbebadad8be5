import { JoineryError } from '../../errors.js'
import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { WriteBatch } from '../commit/write-batch.js'
import type { EndOffset } from '../end-offset.js'
import type { InputPartition } from '../input-partition.js'
import type { TaskStore } from '../stores/task-store.js'
import type { SlowRebuilds } from './slow-rebuilds.js'
import type { TopicFreshness } from './topic-freshness.js'

/** When the end offset of a table was requested. */
export interface EndRequestTime {
  /** Anchored time, in milliseconds; deadlines are compared with it. */
  readonly time: number
  /** In milliseconds of the log's clock; the retention of tombstones is measured by it. */
  readonly logTime: number
}

/** Options of {@link TableCatchUp}. */
export interface TableCatchUpOptions {
  readonly input: InputPartition
  readonly store: TaskStore
  /** Whether the rows are kept in the application's changelog, not only in the table's topic. */
  readonly inChangelog: boolean
  /** Of rows in the changelog: until when deletions were read. Left out if the topic never removes tombstones. */
  readonly freshness?: TopicFreshness | undefined
  readonly end: EndOffset<EndRequestTime>
  /** Milliseconds of the log's clock. */
  readonly logTimeMs: () => number
  /** Outlives the attempt. */
  readonly slowRebuilds: SlowRebuilds
}

/**
 * How far a task has read a table:
 *
 * ```text
 *                             an end offset requested
 *                             since the task was opened
 *                             is reached
 *   (opened) ──► catching-up ────────────────────────► caught-up ◄──┐ a later end offset
 *                                                          └────────┘ is reached
 * ```
 *
 * Streams that join a `'table-first'` table start once it has caught up. Later end offsets have two purposes. An event
 * expires only once the table has been processed to a high watermark that was requested at or after its deadline (law 9).
 * And a table has to be read to its end well within its topic's `delete.retention.ms`: if compaction removes a tombstone before
 * it is read, the deleted row stays.
 */
export class TableCatchUp {
  readonly #options: TableCatchUpOptions
  /** Changes once, in {@link reached}. */
  #phase: 'catching-up' | 'caught-up' = 'catching-up'
  /** The newest batch when the table caught up: the store holds all rows once it holds this batch. */
  #caughtUpIn: WriteBatch | undefined
  /** Whether the task has waited at a full table. */
  #wasInterrupted = false

  constructor(options: TableCatchUpOptions) {
    this.#options = options
  }

  /** Whether the table has been processed to an end offset requested since the task was opened. */
  get hasCaughtUp(): boolean {
    return this.#phase === 'caught-up'
  }

  /**
   * Whether the rows are exactly as of the committed position: always if they are in the changelog, otherwise once the table
   * has caught up.
   */
  get hasExactRows(): boolean {
    return this.#options.inChangelog || this.hasCaughtUp
  }

  /** Whether there may be rows that were deleted. */
  get isStale(): boolean {
    return this.#tombstones?.isStale(this.#options.logTimeMs()) === true
  }

  /** What knows until when tombstones were read; `undefined` if they do not matter. */
  get #tombstones(): TaskStore | TopicFreshness | undefined {
    const { inChangelog, store, freshness } = this.#options
    return inChangelog ? freshness : store
  }

  /** Whether the time of the last catch-up should be saved although nothing else has changed. */
  get isSaveDue(): boolean {
    return this.#tombstones?.isSaveDue === true
  }

  /** The end offset that is awaited, and the error of the last request. */
  get end(): Pick<EndOffset<EndRequestTime>, 'requested' | 'isPending' | 'problem'> {
    return this.#options.end
  }

  /** The task waits: the table is not read, and that it takes long says nothing about its topic. */
  interrupted(): void {
    this.#wasInterrupted = true
  }

  /** Whether the store holds all rows that the table had when the task was opened. */
  isStored(work: UncommittedWork): boolean {
    return this.hasCaughtUp && (this.#caughtUpIn === undefined || !work.includes(this.#caughtUpIn))
  }

  /**
   * Rejects rows that may be deleted, because their tombstones have been compacted away.
   *
   * @throws JoineryError `STORE_BEHIND`, retriable: the table is read again from its beginning, or rows in the changelog are
   * compared with it; `TOPIC_UNSUITABLE` if a rebuild has taken too long several times in a row
   */
  rejectIfStale(): void {
    const { inChangelog, store, input, end, logTimeMs, slowRebuilds } = this.#options
    const now = logTimeMs()
    if (!this.isStale) return
    const { topic, partition, next } = input
    // while end offsets cannot be fetched, reading takes no longer than usual
    if (!inChangelog && store.isRebuilt && !this.hasCaughtUp && !this.#wasInterrupted && end.problem === undefined) {
      const { deleteRetentionMs } = store
      const tookMs = store.ageMs(now)
      throw slowRebuilds.failed({ topic, partition, tookMs, deleteRetentionMs, next, end: end.requested?.end })
    }
    throw new JoineryError(
      'STORE_BEHIND',
      `table ${topic}[${partition}] has not been read to its end for more than half of its topic's delete.retention.ms: ${inChangelog ? 'comparing its rows with' : 'rebuilding it from'} the topic`,
      { topic, partition, retriable: true },
    )
  }

  /**
   * Requests an end offset if one is needed.
   *
   * @param now anchored time, in milliseconds
   * @param deadline the earliest deadline of events that wait for this table
   */
  requestIfNeeded(now: number, deadline: number | undefined): void {
    const { end, logTimeMs } = this.#options
    if (this.#dueIn(now, deadline) > 0) return
    // what can be read now is enough to start; before an event expires, rows of open transactions have to be read too
    end.request({ time: now, logTime: logTimeMs() }, this.hasCaughtUp ? 'high-watermark' : 'last-stable-offset')
  }

  /**
   * When an end offset has to be requested, in monotonic milliseconds; `undefined` if none is needed, or one is
   * awaited.
   *
   * @param now anchored time, in milliseconds
   */
  requestAt(now: number, monotonic: number, deadline: number | undefined): number | undefined {
    const { end } = this.#options
    const dueIn = this.#dueIn(now, deadline)
    if (end.requested !== undefined || dueIn === Number.POSITIVE_INFINITY) return undefined
    return Math.max(end.retryAt, monotonic + dueIn)
  }

  /**
   * Marks the table caught up once everything before the requested end offset has been processed.
   *
   * @returns when the end offset was requested, and whether it is the first one reached; `undefined` if it is not
   * reached
   */
  reached(newest: WriteBatch | undefined): (EndRequestTime & { readonly isFirst: boolean }) | undefined {
    const { end, input, logTimeMs } = this.#options
    if (input.hasDeletions) return undefined
    const requestedAt = end.reached(input.next)
    if (requestedAt === undefined) return undefined
    this.#tombstones?.reached(requestedAt.logTime, logTimeMs())
    const isFirst = !this.hasCaughtUp
    if (isFirst) {
      this.#phase = 'caught-up'
      this.#options.slowRebuilds.succeeded(input.topic)
      this.#caughtUpIn = newest
    }
    return { ...requestedAt, isFirst }
  }

  /** Milliseconds until an end offset has to be requested; infinite if none is needed. */
  #dueIn(now: number, deadline = Number.POSITIVE_INFINITY): number {
    if (!this.hasCaughtUp) return 0
    const refreshAt = this.#tombstones?.refreshAt ?? Number.POSITIVE_INFINITY
    return Math.min(deadline - now, refreshAt - this.#options.logTimeMs())
  }
}
