import { LRUCache } from 'lru-cache'
import type { Size } from '../duration.js'
import { sizeBytes } from '../duration.js'
import { JoineryError } from '../errors.js'
import { checkOptionNames } from '../unknown-options.js'
import type { StoredRow } from './stored-row.js'

/** A cache that is limited by the number of rows. */
export interface CacheRows {
  /** The most rows that are kept, for each table in each task. */
  readonly rows: number
}

/** A cache that is limited by the encoded size of its rows. Decoded rows take several times as much memory. */
export interface CacheBytes {
  /** The most bytes that are kept, for each table in each task. */
  readonly bytes: Size
}

/** How many decoded rows are kept for each table in each task; `false` disables the cache. */
export type CacheOptions = CacheRows | CacheBytes | false

/** A limit in rows or in bytes, as options of `LRUCache`. */
export type CacheLimit = { readonly max: number } | { readonly maxSize: number } | undefined

const CACHE_OPTIONS: Readonly<Record<keyof CacheRows | keyof CacheBytes, true>> = { rows: true, bytes: true }

/** @throws JoineryError `OPTION_INVALID` */
export function cacheLimit(options: CacheOptions): CacheLimit {
  if (options === false) return undefined
  checkOptionNames('cache', options, CACHE_OPTIONS)
  if ('bytes' in options) return { maxSize: Math.max(1, sizeBytes(options.bytes, 'cache.bytes')) }
  if (!Number.isSafeInteger(options.rows) || options.rows < 1)
    throw new JoineryError(
      'OPTION_INVALID',
      `cache.rows is ${options.rows}: use a whole number of at least 1, or false`,
    )
  return { max: options.rows }
}

/** How many reads found their row in the cache, and how many did not. */
export interface CacheCounts {
  cacheHits: number
  cacheMisses: number
}

/** The approximate overhead of a row: key, map entry and list node. */
const ENTRY_BYTES = 64

const sizeOf = ({ size }: StoredRow): number => size + ENTRY_BYTES

/**
 * Caches rows of one table in one task, in front of its store, and evicts the least recently used. An eviction costs a
 * read, never a row. The cache starts as a plain map, which is faster, and tracks the order of use only once the limit
 * is reached.
 */
export class RowCache {
  readonly #limit: NonNullable<CacheLimit>
  readonly #maxUsed: number
  #unbounded: Map<string, StoredRow> | undefined = new Map()
  /** The number of rows in `#unbounded`, or their bytes. */
  #used = 0
  #lru: LRUCache<string, StoredRow> | undefined
  readonly #counts: CacheCounts

  /** @param counts is incremented; several caches can share it */
  constructor(limit: NonNullable<CacheLimit>, counts: CacheCounts = { cacheHits: 0, cacheMisses: 0 }) {
    this.#limit = limit
    this.#counts = counts
    this.#maxUsed = 'max' in limit ? limit.max : limit.maxSize
  }

  get size(): number {
    return this.#unbounded?.size ?? this.#lru?.size ?? 0
  }

  /** @param key as `keyText` returns it */
  get(key: string): StoredRow | undefined {
    const row = this.#unbounded === undefined ? this.#lru?.get(key) : this.#unbounded.get(key)
    if (row === undefined) this.#counts.cacheMisses++
    else this.#counts.cacheHits++
    return row
  }

  set(key: string, row: StoredRow): void {
    if (this.#unbounded === undefined) {
      this.#lru?.set(key, row)
      return
    }
    const before = this.#unbounded.get(key)
    this.#used += this.#cost(row) - (before === undefined ? 0 : this.#cost(before))
    this.#unbounded.set(key, row)
    if (this.#used > this.#maxUsed) this.#bound(this.#unbounded)
  }

  delete(key: string): void {
    const before = this.#unbounded?.get(key)
    if (before !== undefined) this.#used -= this.#cost(before)
    this.#unbounded?.delete(key)
    this.#lru?.delete(key)
  }

  #cost(row: StoredRow): number {
    return 'max' in this.#limit ? 1 : sizeOf(row)
  }

  #bound(rows: Map<string, StoredRow>): void {
    const limit = this.#limit
    this.#lru = new LRUCache<string, StoredRow>('max' in limit ? limit : { ...limit, sizeCalculation: sizeOf })
    this.#unbounded = undefined
    for (const [key, row] of rows) this.#lru.set(key, row)
  }
}
