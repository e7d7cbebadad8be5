import type { LogSource, TopicPartition } from '../../log/contract.js'
import { type LogRecord, NO_HEADERS } from '../../record.js'
import { bytesOf, keyText } from '../../serde/key-text.js'
import type { TaskStore } from '../stores/task-store.js'

/** Options of {@link missedDeletions}. */
export interface MissedDeletionsOptions {
  readonly source: Pick<LogSource, 'earliestOffset' | 'read'>
  readonly at: TopicPartition
  /** The rows as of `next`. */
  readonly store: Pick<TaskStore, 'entries'>
  /** The committed position. */
  readonly next: number
  readonly signal: AbortSignal
}

/** The offset of a deletion whose record is gone. */
export const REMOVED = -1

/**
 * Compares the rows of a table with its topic, which is compacted and never deletes: whatever has a row has a record there.
 * The keys of all rows are in memory meanwhile.
 *
 * @returns the deletions to process, in the order of their offsets. Those that compaction has removed have the offset
 *   {@link REMOVED} and are as old as can be. The others are still in the topic, after `next`, and compaction may remove them
 *   before the table has been read that far
 */
export async function missedDeletions(options: MissedDeletionsOptions): Promise<readonly LogRecord[]> {
  const { source, at, store, next, signal } = options
  /** By the key of a row: its last record if that is a deletion after `next`, `'row'`, or `undefined` for none. */
  const last = new Map<string, LogRecord | 'row' | undefined>()
  for await (const [key] of store.entries()) last.set(keyText(key), undefined)
  if (last.size === 0) return []
  const stop = new AbortController()
  const from = { ...at, offset: await source.earliestOffset(at) }
  try {
    for await (const batch of source.read(from, AbortSignal.any([signal, stop.signal]))) {
      for (const record of batch.records) {
        const key = record.key === null ? undefined : keyText(record.key)
        if (key === undefined || !last.has(key)) continue
        if (record.value !== null) last.set(key, 'row')
        // an earlier deletion was followed by the row
        else if (record.offset >= next) last.set(key, { ...record, key: bytesOf(key) })
      }
      // only at the end of the topic has every key that it still has been read
      if (batch.next >= batch.end) break
    }
  } finally {
    stop.abort()
  }
  signal.throwIfAborted()
  const deletions: LogRecord[] = []
  for (const [key, record] of last) {
    if (record === 'row') continue
    deletions.push(
      record ?? { ...at, offset: REMOVED, key: bytesOf(key), value: null, timestamp: 0, headers: NO_HEADERS },
    )
  }
  return deletions.sort((a, b) => a.offset - b.offset)
}
