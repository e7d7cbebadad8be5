import type { LogRecord } from '../record.js'

/** The most records to process together. */
const BATCH_SIZE = 256

/**
 * The records to process together: of one topic, in offset order, none of which has been processed before.
 *
 * @param at the index of the first
 * @param next by topic, the offset after the last processed record
 * @returns an empty array if the first record has been processed before
 */
export function nextRecords(
  records: readonly LogRecord[],
  at: number,
  next: ReadonlyMap<string, number>,
): readonly LogRecord[] {
  const { topic } = records[at] as LogRecord
  let least = next.get(topic) ?? Number.NEGATIVE_INFINITY
  let to = at
  for (; to < records.length && to - at < BATCH_SIZE; to++) {
    const record = records[to] as LogRecord
    if (record.topic !== topic || record.offset < least) break
    least = record.offset + 1
  }
  return to - at === records.length ? records : records.slice(at, to)
}
