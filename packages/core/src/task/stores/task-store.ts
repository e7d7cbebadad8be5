import {
  decodeStorePosition,
  encodeStorePosition,
  isStale,
  type StorePosition,
} from '../../changelog/store-position.js'
import { isJoineryError, type JoineryError } from '../../errors.js'
import type { TopicInfo } from '../../log/contract.js'
import type { Awaitable, Change, StateStore } from '../../store/contract.js'
import type { RowCache } from '../../store/row-cache.js'
import { GuardedStore } from './guarded-store.js'
import { RowReader } from './row-reader.js'

/** Ends are asked for this often in the time that tombstones stay; half of it may pass without one. */
const REFRESHES_PER_RETENTION = 8

/** Whether a store says that it is not what its task has left in it: it has to be opened again, and caught up with. */
export function isStoreLost(error: unknown): error is JoineryError {
  return isJoineryError(error, 'STORE_FENCED') || isJoineryError(error, 'STORE_BEHIND')
}

/** A store of one task, with the changelog that it follows. */
export class TaskStore {
  readonly name: string
  readonly rows: RowReader
  readonly #store: StateStore
  readonly #guard: GuardedStore
  readonly #topicId: string
  readonly #deleteRetentionMs: number
  /** When the latest end that it has reached was requested, in the log's milliseconds. */
  #caughtUpAt = 0
  #savedCaughtUpAt = 0
  readonly #rowsLost: (store: string, rows: number) => void
  /** Rows that the store has let go, and that were told. */
  #lost = 0

  /**
   * @param follows the topic whose records it reflects
   * @param rowsLost is told of rows that the store has let go
   * @param cache keeps rows decoded
   */
  constructor(
    name: string,
    partition: number,
    store: StateStore,
    follows: TopicInfo,
    rowsLost: (store: string, rows: number) => void,
    cache?: RowCache,
  ) {
    this.name = name
    this.#rowsLost = rowsLost
    this.#guard = new GuardedStore(name, partition)
    this.#store = store
    this.#topicId = follows.id
    this.#deleteRetentionMs = follows.deleteRetentionMs
    this.rows = new RowReader(name, (keys) => this.getMany(keys), cache)
  }

  /** Where replay has to begin; the store is emptied if that is the beginning of the log. */
  async replayFrom(earliest: number, limit: number, now: number): Promise<number> {
    const position = decodeStorePosition(this.#store.position)
    if (position !== undefined && this.#isUsable(position, earliest, limit, now)) {
      this.#caughtUpAt = position.caughtUpAt
      this.#savedCaughtUpAt = position.caughtUpAt
      return position.at
    }
    // without a position, too: a rebuild that was cut off has left rows
    await this.#guard.run('be cleared', () => this.#store.clear())
    this.#caughtUpAt = now
    return earliest
  }

  #isUsable({ topic, at, caughtUpAt }: StorePosition, earliest: number, limit: number, now: number): boolean {
    return (
      topic === this.#topicId && at >= earliest && at <= limit && !isStale(caughtUpAt, now, this.#deleteRetentionMs)
    )
  }

  /** An end that was requested at `time` has been reached. */
  reached(time: number): void {
    this.#caughtUpAt = Math.max(this.#caughtUpAt, time)
  }

  /** When the next end should be asked for, so that the store stays fresh. */
  get refreshAt(): number {
    return this.#caughtUpAt + this.#deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /** Whether what it has reached should be written down though no row has changed. */
  get isSaveDue(): boolean {
    return this.#caughtUpAt - this.#savedCaughtUpAt >= this.#deleteRetentionMs / REFRESHES_PER_RETENTION
  }

  /** Whether it may hold rows that were deleted: see {@link isStale}. */
  isStale(now: number): boolean {
    return isStale(this.#caughtUpAt, now, this.#deleteRetentionMs)
  }

  /** @throws JoineryError `STORE_FAILED`, retriable, unless the store says otherwise; so do all calls. */
  commit(changes: readonly Change[], at: number): Awaitable<void> {
    const position = encodeStorePosition({ topic: this.#topicId, at, caughtUpAt: this.#caughtUpAt })
    this.#savedCaughtUpAt = this.#caughtUpAt
    const done = this.#guard.run('commit', () => this.#store.commit(changes, position))
    return done instanceof Promise ? done.then(() => this.#reportLost()) : this.#reportLost()
  }

  #reportLost(): void {
    const { lostRows = 0 } = this.#store
    if (lostRows > this.#lost) this.#rowsLost(this.name, lostRows - this.#lost)
    this.#lost = lostRows
  }

  /** Committed values. */
  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]> {
    return this.#guard.run('be read', () => this.#store.getMany(keys))
  }

  /** All committed entries. */
  entries(): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    return this.#guard.iterate(() => this.#store.entries())
  }
}
