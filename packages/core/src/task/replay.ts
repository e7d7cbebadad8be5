import type { LogSource, TopicPartition } from '../log/contract.js'
import type { LogRecord } from '../record.js'

/** Reads committed records from `from` until the position is at least `to`. */
export async function replay(
  source: Pick<LogSource, 'read'>,
  at: TopicPartition,
  from: number,
  to: number,
  signal: AbortSignal,
  each: (record: LogRecord) => void,
  pause?: (next: number) => Promise<void>,
): Promise<void> {
  if (from >= to) return
  for await (const batch of source.read({ ...at, offset: from }, signal)) {
    for (const record of batch.records) {
      if (record.offset >= to) break
      each(record)
    }
    await pause?.(Math.min(batch.next, to))
    if (batch.next >= to) return
  }
  signal.throwIfAborted()
}
