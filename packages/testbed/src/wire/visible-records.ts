import type { RawBatch, RawRecord } from './record-batches.js'

/** A producer whose records from an offset on are aborted, up to its next marker. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * @param batches those of a Fetch response, in the order of their offsets
 * @param from the offset that was fetched: a batch may begin before it
 * @param aborted the aborted transactions that the response lists
 * @returns the records that a consumer receives: no markers, none of aborted transactions
 */
export function visibleRecords(
  batches: readonly RawBatch[],
  from: number,
  aborted: readonly AbortedTransaction[],
): RawRecord[] {
  const upcoming = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  return batches.flatMap(({ lastOffset, producerId, isTransactional, marker, records }) => {
    while (upcoming[0] !== undefined && upcoming[0].firstOffset <= lastOffset)
      aborting.add((upcoming.shift() as AbortedTransaction).producerId)
    if (marker !== undefined) {
      if (marker === 'abort') aborting.delete(producerId)
      return []
    }
    return isTransactional && aborting.has(producerId) ? [] : records.filter(({ offset }) => offset >= from)
  })
}
