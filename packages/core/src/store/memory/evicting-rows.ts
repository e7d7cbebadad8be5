import { LRUCache } from 'lru-cache'
import { ownedBytes } from '../../serde/owned-bytes.js'

/** What a memory store needs of a map: values by key, one character for each of the key's bytes. */
export interface MemoryRows {
  readonly size: number
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array): void
  delete(key: string): void
  clear(): void
  entries(): Iterable<readonly [key: string, value: Uint8Array]>
}

/** Rows of which the least recently used goes when there are too many. */
export class EvictingRows implements MemoryRows {
  readonly #rows: LRUCache<string, Uint8Array>
  /** How many have gone. */
  lost = 0

  constructor(maxRows: number) {
    this.#rows = new LRUCache({
      // not `max`: all of that would be allocated at once
      maxSize: maxRows,
      sizeCalculation: () => 1,
      dispose: (_value, _key, reason) => {
        if (reason === 'evict') this.lost++
      },
    })
  }

  get size(): number {
    return this.#rows.size
  }

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key)
  }

  set(key: string, value: Uint8Array): void {
    this.#rows.set(key, ownedBytes(value))
  }

  delete(key: string): void {
    this.#rows.delete(key)
  }

  clear(): void {
    this.#rows.clear()
  }

  /** Those that are there now and when their turn comes; looking at them is no use of them. */
  *entries(): Generator<readonly [string, Uint8Array], void, void> {
    for (const key of [...this.#rows.keys()]) {
      const value = this.#rows.peek(key)
      if (value !== undefined) yield [key, value]
    }
  }
}
