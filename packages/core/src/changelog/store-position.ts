/** How far a store reflects a changelog. */
export interface StorePosition {
  /** The id of the topic that the store follows. */
  readonly topic: string
  /** The offset from which a replay brings the store up to date. */
  readonly offset: number
  /** The leader epoch of the last record or marker before `offset`. Left out if it is not known. */
  readonly leaderEpoch?: number
  /** When the latest end offset that it has reached was requested, in milliseconds of the log's clock. */
  readonly caughtUpAt: number
}

export function encodeStorePosition(position: StorePosition): string {
  return JSON.stringify(position)
}

/** @returns `undefined` if the text is not a position: the store is rebuilt then */
export function decodeStorePosition(text: string | undefined): StorePosition | undefined {
  if (text === undefined) return undefined
  try {
    const { topic, offset, leaderEpoch, caughtUpAt } = JSON.parse(text) as Partial<StorePosition>
    if (typeof topic !== 'string' || !isOffset(offset) || typeof caughtUpAt !== 'number') return undefined
    return { topic, offset, ...(isOffset(leaderEpoch) && { leaderEpoch }), caughtUpAt }
  } catch {
    // written by another version: the store is rebuilt
  }
  return undefined
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Whether a store may hold rows whose tombstones were compacted away before it read them. It counts as stale, and is
 * rebuilt, half of `delete.retention.ms` after it was last known to be caught up.
 *
 * @param caughtUpAt when the latest end offset that the store has reached was requested, by the log's clock
 */
export function isStale(caughtUpAt: number, now: number, deleteRetentionMs: number): boolean {
  return Math.abs(now - caughtUpAt) > deleteRetentionMs / 2
}
