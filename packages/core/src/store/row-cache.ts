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
  readonly #most: number
  #roomy: Map<string, StoredRow> | undefined = new Map()
  /** Of the roomy rows: how many, or how many bytes. */
  #used = 0
  #full: LRUCache<string, StoredRow> | undefined
  readonly #counts: CacheCounts

  /** @param counts goes on over all caches that are given it */
  constructor(limit: NonNullable<CacheLimit>, counts: CacheCounts = { cacheHits: 0, cacheMisses: 0 }) {
    this.#limit = limit
    this.#counts = counts
    this.#most = 'max' in limit ? limit.max : limit.maxSize
  }

  get size(): number {
    return this.#roomy?.size ?? this.#full?.size ?? 0
  }

  /** @param key as `keyText` gives it */
  get(key: string): StoredRow | undefined {
    const row = this.#roomy === undefined ? this.#full?.get(key) : this.#roomy.get(key)
    if (row === undefined) this.#counts.cacheMisses++
    else this.#counts.cacheHits++
    return row
  }

  set(key: string, row: StoredRow): void {
    if (this.#roomy === undefined) {
      this.#full?.set(key, row)
      return
    }
    const before = this.#roomy.get(key)
    this.#used += this.#cost(row) - (before === undefined ? 0 : this.#cost(before))
    this.#roomy.set(key, row)
    if (this.#used > this.#most) this.#evict(this.#roomy)
  }

  delete(key: string): void {
    const before = this.#roomy?.get(key)
    if (before !== undefined) this.#used -= this.#cost(before)
    this.#roomy?.delete(key)
    this.#full?.delete(key)
  }

  #cost(row: StoredRow): number {
    return 'max' in this.#limit ? 1 : sizeOf(row)
  }

  #evict(roomy: Map<string, StoredRow>): void {
    const limit = this.#limit
    this.#full = new LRUCache<string, StoredRow>('max' in limit ? limit : { ...limit, sizeCalculation: sizeOf })
    this.#roomy = undefined
    for (const [key, row] of roomy) this.#full.set(key, row)
  }
}
