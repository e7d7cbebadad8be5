import type { CacheCounts } from '../store/row-cache.js'

/** Counts of one instance since it started, over all of its tasks. */
export interface Counts extends CacheCounts {
  /** Rows that stores have evicted although they were not deleted. */
  lostRows: number
  /** Requests of calls that were provably not sent. */
  callsNotSent: number
  /** Tables that were rebuilt because their topics had lost records. */
  tablesRebuilt: number
}

export const newCounts = (): Counts => ({
  cacheHits: 0,
  cacheMisses: 0,
  lostRows: 0,
  callsNotSent: 0,
  tablesRebuilt: 0,
})
