/** How far a store reflects a changelog. */
export interface StorePosition {
  /** Identity of the topic that it follows. */
  readonly topic: string
  /** Replay from this offset to bring it up to date. */
  readonly at: number
  /** When the latest end that it has reached was requested, in the log's milliseconds. */
  readonly caughtUpAt: number
}

export function encodeStorePosition(position: StorePosition): string {
  return JSON.stringify(position)
}

/** `undefined` for what is none: the store is rebuilt then. */
export function decodeStorePosition(text: string | undefined): StorePosition | undefined {
  if (text === undefined) return undefined
  try {
    const { topic, at, caughtUpAt } = JSON.parse(text) as Partial<StorePosition>
    if (typeof topic === 'string' && isOffset(at) && typeof caughtUpAt === 'number') return { topic, at, caughtUpAt }
  } catch {
    // not written by this version: the log has everything
  }
  return undefined
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Whether a store may hold rows whose tombstones were cleaned before it read them: it counts as stale, and is rebuilt, half
 * a tombstone's lifetime after it was last known to be caught up.
 *
 * @param caughtUpAt when an end was requested that the store has reached, by the log's clock
 */
export function isStale(caughtUpAt: number, now: number, deleteRetentionMs: number): boolean {
  return Math.abs(now - caughtUpAt) > deleteRetentionMs / 2
}
