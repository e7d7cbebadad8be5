import type { LogSource, TopicPartition } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'

/** Options of {@link replay}. */
export interface ReplayOptions {
  readonly source: Pick<LogSource, 'read'>
  readonly at: TopicPartition
  readonly from: number
  /** The offset after the last record to read. */
  readonly to: number
  readonly signal: AbortSignal
  readonly each: (record: LogRecord) => void
  /** Called after each batch with the next offset to read. Reading continues when the promise resolves. */
  readonly afterBatch?: (next: number) => Promise<void>
}

/** Reads committed records from one offset up to another. */
export async function replay({ source, at, from, to, signal, each, afterBatch }: ReplayOptions): Promise<void> {
  if (from >= to) return
  for await (const batch of source.read({ ...at, offset: from }, signal)) {
    for (const record of batch.records) {
      if (record.offset >= to) break
      each(record)
    }
    await afterBatch?.(Math.min(batch.next, to))
    if (batch.next >= to) return
  }
  signal.throwIfAborted()
}
