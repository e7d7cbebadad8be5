import { LRUCache } from 'lru-cache'
import type { Size } from '../duration.js'
import { sizeBytes } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { StoredRow } from './stored-row.js'

/** A cache of so many rows. */
export interface CacheRows {
  /** Of each table in each task, at most. */
  readonly rows: number
}

/** A cache of rows that take so many bytes as they are stored; decoded they take several times that. */
export interface CacheBytes {
  /** Of each table in each task, at most. */
  readonly bytes: Size
}

/** How much of each table is kept decoded in each task; `false`: nothing. */
export type CacheOptions = CacheRows | CacheBytes | false

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

/** How often a cache had a row that it was asked for, and how often not. */
export interface CacheCounts {
  cacheHits: number
  cacheMisses: number
}

/** Beside its bytes, roughly what a row costs: key, entry and list. */
const ENTRY_BYTES = 64

const sizeOf = ({ size }: StoredRow): number => size + ENTRY_BYTES

/**
 * Rows of one table in one task, above its store: the least recently used go first. An eviction costs a read, never a row.
 * As long as nothing has to go, nobody needs to know what was used last, and a plain map is faster.
 */
export class RowCache {
  readonly #limit: NonNullable<CacheLimit>
  readonly #maxEntries: number
  #unbounded: Map<string, StoredRow> | undefined = new Map()
  /** Of the roomy rows: how many, or how many bytes. */
  #used = 0
  #lru: LRUCache<string, StoredRow> | undefined
  readonly #counts: CacheCounts

  /** @param counts goes on over all caches that are given it */
  constructor(limit: NonNullable<CacheLimit>, counts: CacheCounts = { cacheHits: 0, cacheMisses: 0 }) {
    this.#limit = limit
    this.#counts = counts
    this.#maxEntries = 'max' in limit ? limit.max : limit.maxSize
  }

  get size(): number {
    return this.#unbounded?.size ?? this.#lru?.size ?? 0
  }

  /** @param key as `keyText` gives it */
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
    if (this.#used > this.#maxEntries) this.#evict(this.#unbounded)
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

  #evict(roomy: Map<string, StoredRow>): void {
    const limit = this.#limit
    this.#lru = new LRUCache<string, StoredRow>('max' in limit ? limit : { ...limit, sizeCalculation: sizeOf })
    this.#unbounded = undefined
    for (const [key, row] of roomy) this.#lru.set(key, row)
  }
}
