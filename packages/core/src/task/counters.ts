import type { CacheCounts } from '../store/row-cache.js'

/** What one instance counts from its start to its end, over all of its tasks. */
export interface Counts extends CacheCounts {
  /** Rows that stores have let go although nobody deleted them. */
  lostRows: number
  /** Requests of calls that were provably not sent. */
  callsNotSent: number
}

export const newCounts = (): Counts => ({ cacheHits: 0, cacheMisses: 0, lostRows: 0, callsNotSent: 0 })
