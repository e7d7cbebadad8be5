import { LRUCache } from 'lru-cache'

/** What a memory store needs of a map: values by key, both with one character for each byte. */
export interface MemoryRows {
  readonly size: number
  get(key: string): string | undefined
  set(key: string, value: string): void
  delete(key: string): void
  clear(): void
  entries(): Iterable<readonly [key: string, value: string]>
}

/** Rows of which the least recently used goes when there are too many. */
export class EvictingRows implements MemoryRows {
  readonly #rows: LRUCache<string, string>
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

  get(key: string): string | undefined {
    return this.#rows.get(key)
  }

  set(key: string, value: string): void {
    this.#rows.set(key, value)
  }

  delete(key: string): void {
    this.#rows.delete(key)
  }

  clear(): void {
    this.#rows.clear()
  }

  /** Those that are there now and when their turn comes; looking at them is no use of them. */
  *entries(): Generator<readonly [string, string], void, void> {
    for (const key of [...this.#rows.keys()]) {
      const value = this.#rows.peek(key)
      if (value !== undefined) yield [key, value]
    }
  }
}
