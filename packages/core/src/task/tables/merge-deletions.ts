import type { Batch } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'

/**
 * Adds deletions to what is read of a table, at their offsets, unless they are read themselves: compaction may remove them
 * before.
 *
 * @param deletions in the order of their offsets
 */
export async function* mergeDeletions(
  batches: AsyncIterable<Batch>,
  deletions: readonly LogRecord[],
): AsyncGenerator<Batch, void, void> {
  let at = 0
  for await (const batch of batches) {
    const due: LogRecord[] = []
    for (; (deletions[at]?.offset ?? Number.POSITIVE_INFINITY) < batch.next; at++) due.push(deletions[at] as LogRecord)
    yield due.length === 0 ? batch : { ...batch, records: merged(batch.records, due) }
  }
}

function merged(records: readonly LogRecord[], deletions: readonly LogRecord[]): readonly LogRecord[] {
  const read = new Set(records.map(({ offset }) => offset))
  const missing = deletions.filter(({ offset }) => !read.has(offset))
  return missing.length === 0 ? records : [...records, ...missing].sort((a, b) => a.offset - b.offset)
}
