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

/** Cleaned tombstones leave ghost rows in a store that has not seen them: after half of their lifetime it is rebuilt. */
export function isFresh(fresh: number, now: number, deleteRetentionMs: number): boolean {
  return Math.abs(now - fresh) <= deleteRetentionMs / 2
}
