import type { LogRecord } from '@joinery/core'
import type { Log } from '@joinery/core/log'

/**
 * All committed records of a topic that were written before. A commit is acknowledged a little before it can be read, so
 * this waits for open transactions.
 */
export async function recordsOf(log: Pick<Log, 'source'>, topic: string): Promise<LogRecord[]> {
  const [info] = await log.source.describe([topic])
  const partitions = Array.from({ length: info?.partitions ?? 0 }, (_, partition) => partition)
  const all = await Promise.all(partitions.map((partition) => recordsOfPartition(log, topic, partition)))
  return all.flat()
}

export async function recordsOfPartition(
  log: Pick<Log, 'source'>,
  topic: string,
  partition: number,
): Promise<LogRecord[]> {
  const at = { topic, partition }
  const [offset, end] = await Promise.all([log.source.earliestOffset(at), log.source.endOffset(at, 'high-watermark')])
  const records: LogRecord[] = []
  if (offset >= end) return records
  const stop = new AbortController()
  for await (const batch of log.source.read({ ...at, offset }, stop.signal)) {
    for (const record of batch.records)
      records.push({
        ...record,
        // the reader may reuse its buffers
        key: record.key && Buffer.from(record.key),
        value: record.value && Buffer.from(record.value),
      })
    if (batch.next >= end) break
  }
  stop.abort()
  return records
}
