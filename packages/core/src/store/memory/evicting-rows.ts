import { LRUCache } from 'lru-cache'
import { ownedBytes } from '../../serde/owned-bytes.js'

/** The rows of a memory store. Keys are strings with one character for each byte. */
export interface MemoryRows {
  readonly size: number
  /** The bytes of all keys and values. */
  readonly bytes: number
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array): void
  delete(key: string): void
  clear(): void
  entries(): Iterable<readonly [key: string, value: Uint8Array]>
}

/** Rows with a limit: when there are too many, the least recently used row is evicted. */
export class EvictingRows implements MemoryRows {
  readonly #rows: LRUCache<string, Uint8Array>
  /** The number of evicted rows. */
  evicted = 0
  #bytes = 0

  constructor(maxRows: number) {
    this.#rows = new LRUCache({
      // not `max`, which would allocate memory for all rows at once
      maxSize: maxRows,
      sizeCalculation: () => 1,
      dispose: (value, key, reason) => {
        if (reason !== 'evict') return
        this.#bytes -= key.length + value.length
        this.evicted++
      },
    })
  }

  get size(): number {
    return this.#rows.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key)
  }

  set(key: string, value: Uint8Array): void {
    const before = this.#rows.peek(key)
    this.#bytes += value.length - (before === undefined ? -key.length : before.length)
    this.#rows.set(key, ownedBytes(value))
  }

  delete(key: string): void {
    const before = this.#rows.peek(key)
    if (before !== undefined) this.#bytes -= key.length + before.length
    this.#rows.delete(key)
  }

  clear(): void {
    this.#rows.clear()
    this.#bytes = 0
  }

  /** Iterates over the rows that exist now, except those deleted before their turn. It does not count as use. */
  *entries(): Generator<readonly [string, Uint8Array], void, void> {
    for (const key of [...this.#rows.keys()]) {
      const value = this.#rows.peek(key)
      if (value !== undefined) yield [key, value]
    }
  }
}
