import type { Awaitable, Change, StateStore } from '../store/contract.js'
import { keyText } from '../store/key-text.js'
import { decodeStorePosition, encodeStorePosition, isFresh, type StorePosition } from './store-position.js'
import type { Work } from './work.js'

/** A store of one task, with the changelog that it follows. */
export class TaskStore {
  readonly name: string
  readonly #store: StateStore
  readonly #topicId: string
  readonly #deleteRetentionMs: number
  #fresh = 0

  /** @param topicId identity of the topic that it follows */
  constructor(name: string, store: StateStore, topicId: string, deleteRetentionMs: number) {
    this.name = name
    this.#store = store
    this.#topicId = topicId
    this.#deleteRetentionMs = deleteRetentionMs
  }

  /** Where replay has to begin; the store is emptied if that is the beginning of the log. */
  async replayFrom(earliest: number, limit: number, now: number): Promise<number> {
    const position = decodeStorePosition(this.#store.position)
    if (position !== undefined && this.#isUsable(position, earliest, limit, now)) {
      this.#fresh = position.fresh
      return position.at
    }
    if (this.#store.position !== undefined) await this.#store.clear()
    this.#fresh = now
    return earliest
  }

  #isUsable({ topic, at, fresh }: StorePosition, earliest: number, limit: number, now: number): boolean {
    return topic === this.#topicId && at >= earliest && at <= limit && isFresh(fresh, now, this.#deleteRetentionMs)
  }

  /** An end that was requested at `time` has been reached. */
  reached(time: number): void {
    this.#fresh = Math.max(this.#fresh, time)
  }

  /** Whether answers can still be trusted at `now`. */
  isFresh(now: number): boolean {
    return isFresh(this.#fresh, now, this.#deleteRetentionMs)
  }

  commit(changes: readonly Change[], at: number): Awaitable<void> {
    return this.#store.commit(changes, encodeStorePosition({ topic: this.#topicId, at, fresh: this.#fresh }))
  }

  /** Committed values. */
  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]> {
    return this.#store.getMany(keys)
  }

  entries(): ReturnType<StateStore['entries']> {
    return this.#store.entries()
  }

  close(): Awaitable<void> {
    return this.#store.close()
  }

  /** Values as they will be once `works` (newest first) are committed. */
  read(
    keys: readonly Uint8Array[],
    works: readonly (Work | undefined)[],
  ): Awaitable<readonly (Uint8Array | undefined)[]> {
    const overlays = works.flatMap((work) => work?.stores.get(this.name) ?? [])
    if (overlays.length === 0) return this.#store.getMany(keys)
    const values = new Array<Uint8Array | undefined>(keys.length).fill(undefined)
    const missing: number[] = []
    keys.forEach((key, i) => {
      const text = keyText(key)
      const change = overlays.find((overlay) => overlay.has(text))?.get(text)
      if (change === undefined) missing.push(i)
      else values[i] = change.value ?? undefined
    })
    if (missing.length === 0) return values
    const fill = (found: readonly (Uint8Array | undefined)[]) => {
      missing.forEach((at, i) => {
        values[at] = found[i]
      })
      return values
    }
    const found = this.#store.getMany(missing.map((i) => keys[i] as Uint8Array))
    return found instanceof Promise ? found.then(fill) : fill(found)
  }
}
