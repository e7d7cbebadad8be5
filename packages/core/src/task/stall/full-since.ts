/** Records that were passed to a pipeline. */
export interface Passed {
  readonly consumed: number
  /** Whether the pipeline has no room for the next record. */
  readonly isFull: boolean
}

/**
 * @param before since when the pipeline had no room for the next record before that
 * @param now monotonic milliseconds
 * @returns since when it has had no room for the record that is the next one now; `undefined` if it has room
 */
export function fullSince(before: number | undefined, { consumed, isFull }: Passed, now: number): number | undefined {
  if (!isFull) return undefined
  return consumed > 0 ? now : (before ?? now)
}
