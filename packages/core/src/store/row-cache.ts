import { LRUCache } from 'lru-cache'
import type { Size } from '../duration.js'
import { sizeBytes } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { StoredRow } from './stored-row.js'

/** How much of each table is kept decoded in each task: so many rows, or rows of so many encoded bytes. */
export type CacheOptions = { readonly rows: number } | { readonly bytes: Size } | false

/** A bound, in rows or in bytes. */
export type CacheLimit = { readonly max: number } | { readonly maxSize: number } | undefined

/** @throws JoineryError `OPTION_INVALID` */
export function cacheLimit(options: CacheOptions): CacheLimit {
  if (options === false) return undefined
  if ('bytes' in options) return { maxSize: Math.max(1, sizeBytes(options.bytes, 'cache.bytes')) }
  if (!Number.isSafeInteger(options.rows) || options.rows < 1)
    throw new JoineryError(
      'OPTION_INVALID',
      `cache.rows is ${options.rows}: use a whole number of at least 1, or false`,
    )
  return { max: options.rows }
}

/** Beside its bytes, roughly what a row costs: key, entry and list. */
const ENTRY_BYTES = 64

/** Rows of one table in one task, above its store: the least recently used go first. An eviction costs a read, never a row. */
export class RowCache {
  readonly #rows: LRUCache<string, StoredRow>
  /** Nothing goes yet, so nobody needs to know what was used last. */
  #isRoomy = true

  constructor(limit: NonNullable<CacheLimit>) {
    const sizeCalculation = ({ bytes }: StoredRow): number => bytes.length + ENTRY_BYTES
    this.#rows = new LRUCache('max' in limit ? limit : { ...limit, sizeCalculation })
  }

  get size(): number {
    return this.#rows.size
  }

  /** @param key as `keyText` gives it */
  get(key: string): StoredRow | undefined {
    return this.#isRoomy ? this.#rows.peek(key) : this.#rows.get(key)
  }

  set(key: string, row: StoredRow): void {
    this.#rows.set(key, row)
    if (this.#isRoomy) this.#isRoomy = !isNearly(this.#rows)
  }

  delete(key: string): void {
    this.#rows.delete(key)
  }
}

const NEARLY = 0.9

const isNearly = ({ size, max, calculatedSize, maxSize }: LRUCache<string, StoredRow>): boolean =>
  (max > 0 && size > max * NEARLY) || (maxSize > 0 && calculatedSize > maxSize * NEARLY)
