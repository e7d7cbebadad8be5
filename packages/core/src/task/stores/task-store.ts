import {
  decodeStorePosition,
  encodeStorePosition,
  isStale,
  type StorePosition,
} from '../../changelog/store-position.js'
import { isJoineryError, type JoineryError } from '../../errors.js'
import type { TopicInfo } from '../../log/contract.js'
import { tombstoneRetentionMs } from '../../log/tombstone-retention.js'
import type { Awaitable, Change, StateStore } from '../../store/contract.js'
import type { RowCache } from '../../store/row-cache.js'
import { RowReader } from './row-reader.js'

/**
 * How many end offsets are requested within `delete.retention.ms`. A store is stale after half that time without one.
 */
const REFRESHES_PER_RETENTION = 8

/**
 * Whether the error means that a store is fenced, or behind what its task wrote: it has to be reopened and restored.
 */
export function mustRestoreStore(error: unknown): error is JoineryError {
  return isJoineryError(error, 'STORE_FENCED') || isJoineryError(error, 'STORE_BEHIND')
}

/** A store of one task, with the topic that it follows. */
export class TaskStore {
  readonly name: string
  readonly rows: RowReader
  readonly #store: StateStore
  readonly #topicId: string
  /** How long the topic that it follows keeps tombstones. */
  readonly deleteRetentionMs: number
  /** When the latest end offset that it has reached was requested, in milliseconds of the log's clock. */
  #caughtUpAt = 0
  #leaderEpoch: number | undefined
  #isRebuilt = false
  #savedCaughtUpAt = 0
  readonly #rowsLost: (store: string, rows: number) => void
  /** Number of evicted rows that were reported. */
  #lost = 0

  /**
   * @param follows the topic whose records the store reflects
   * @param rowsLost called when the store has evicted rows
   * @param cache holds decoded rows
   */
  constructor(
    name: string,
    store: StateStore,
    follows: TopicInfo,
    rowsLost: (store: string, rows: number) => void,
    cache?: RowCache,
  ) {
    this.name = name
    this.#rowsLost = rowsLost
    this.#store = store
    this.#topicId = follows.id
    this.deleteRetentionMs = tombstoneRetentionMs(follows)
    this.rows = new RowReader(name, (keys) => this.getMany(keys), cache)
  }

  /** How many bytes the rows take; `undefined` if the store does not know. */
  get storedBytes(): number | undefined {
    return this.#store.storedBytes
  }

  /** The offset to replay from. Clears the store if that is the beginning of the log. */
  async replayFrom(earliest: number, limit: number, now: number): Promise<number> {
    const position = decodeStorePosition(this.#store.position)
    if (position !== undefined && this.#isUsable(position, earliest, limit, now)) {
      this.#caughtUpAt = position.caughtUpAt
      this.#savedCaughtUpAt = position.caughtUpAt
      this.#leaderEpoch = position.leaderEpoch
      return position.offset
    }
    // also without a position: an interrupted rebuild has left rows
    await this.clear(now)
    return earliest
  }

  /** The leader epoch of what comes before the offset to replay from, if it is known. */
  get leaderEpoch(): number | undefined {
    return this.#leaderEpoch
  }

  /** Removes everything: the store is rebuilt from the beginning of its topic. */
  async clear(now: number): Promise<void> {
    await this.#store.clear()
    this.#caughtUpAt = now
    this.#leaderEpoch = undefined
    this.#isRebuilt = true
  }

  /** Whether it was cleared, and is filled from the beginning of its topic. */
  get isRebuilt(): boolean {
    return this.#isRebuilt
  }

  #isUsable({ topic, offset, caughtUpAt }: StorePosition, earliest: number, limit: number, now: number): boolean {
    const isInLog = offset >= earliest && offset <= limit
    return topic === this.#topicId && isInLog && !isStale(caughtUpAt, now, this.deleteRetentionMs)
  }

  /** An end offset that was requested at `time` has been reached. */
  reached(time: number): void {
    this.#caughtUpAt = Math.max(this.#caughtUpAt, time)
  }

  /** When the next end offset should be requested, so that the store does not become stale. */
  get refreshAt(): number {
    return this.#caughtUpAt + this.deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /** Whether the time of the last catch-up should be saved although no row has changed. */
  get isSaveDue(): boolean {
    return this.#caughtUpAt - this.#savedCaughtUpAt >= this.deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /** How long ago it was known to be caught up, or began to be rebuilt, in milliseconds. */
  ageMs(now: number): number {
    return now - this.#caughtUpAt
  }

  /** Whether it may hold rows that were deleted: see {@link isStale}. */
  isStale(now: number): boolean {
    return isStale(this.#caughtUpAt, now, this.deleteRetentionMs)
  }

  /**
   * @param leaderEpoch of what comes before `offset`, if it is known
   * @throws JoineryError see {@link CheckedStore}; so do all methods
   */
  commit(changes: readonly Change[], offset: number, leaderEpoch?: number): Awaitable<void> {
    const position = encodeStorePosition({
      topic: this.#topicId,
      offset,
      ...(leaderEpoch !== undefined && { leaderEpoch }),
      caughtUpAt: this.#caughtUpAt,
    })
    this.#savedCaughtUpAt = this.#caughtUpAt
    const done = this.#store.commit(changes, position)
    return done instanceof Promise ? done.then(() => this.#reportLost()) : this.#reportLost()
  }

  #reportLost(): void {
    const { lostRows = 0 } = this.#store
    if (lostRows > this.#lost) this.#rowsLost(this.name, lostRows - this.#lost)
    this.#lost = lostRows
  }

  /** Committed values. */
  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]> {
    return this.#store.getMany(keys)
  }

  /** All committed entries. */
  entries(): ReturnType<StateStore['entries']> {
    return this.#store.entries()
  }
}
