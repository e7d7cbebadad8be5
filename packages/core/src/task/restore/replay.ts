import type { Batch, LogSource, TopicPartition } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'

/** Options of {@link replay}. */
export interface ReplayOptions {
  readonly source: Pick<LogSource, 'read'>
  readonly at: TopicPartition
  readonly from: number
  /** The leader epoch of what comes before `from`, if it is known. */
  readonly leaderEpoch?: number | undefined
  /** The offset after the last record to read. */
  readonly to: number
  readonly signal: AbortSignal
  readonly each: (record: LogRecord) => void
  /** Called after each record: lets the event loop run, or returns `undefined`. */
  readonly pauseIfDue?: (() => Promise<void> | undefined) | undefined
  /** Called after each batch, before the next one is read. */
  readonly afterBatch?: (batch: Batch) => Promise<void>
}

/** Reads committed records from one offset up to another. */
export async function replay(options: ReplayOptions): Promise<void> {
  const { source, at, from, leaderEpoch, to, signal, each, pauseIfDue, afterBatch } = options
  if (from >= to) return
  for await (const batch of source.read({ ...at, offset: from, leaderEpoch }, signal)) {
    for (const record of batch.records) {
      if (record.offset >= to) break
      each(record)
      const pause = pauseIfDue?.()
      if (pause === undefined) continue
      await pause
      signal.throwIfAborted()
    }
    await afterBatch?.(batch)
    if (batch.next >= to) return
  }
  signal.throwIfAborted()
}
