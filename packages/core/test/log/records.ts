import type { Batch, LogRecord, LogSource, NewRecord } from '../../src/log.js'

/** @returns a record with a text key and value; without a partition, the key determines it */
export function newRecord(topic: string, key: string | null, value: string | null, partition?: number): NewRecord {
  return {
    topic,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestamp: 1,
    headers: [],
    ...(partition !== undefined && { partition }),
  }
}

/** @returns the batches of a partition, up to its current end */
export async function batchesOf(source: LogSource, topic: string, partition = 0, offset = 0): Promise<Batch[]> {
  const end = await source.endOffset({ topic, partition }, 'last-stable-offset')
  const stop = new AbortController()
  const batches: Batch[] = []
  for await (const batch of source.read({ topic, partition, offset }, stop.signal)) {
    batches.push(batch)
    if (batch.next >= end) break
  }
  stop.abort()
  return batches
}

/** @returns the records of a partition, up to its current end */
export async function recordsOf(source: LogSource, topic: string, partition = 0, offset = 0): Promise<LogRecord[]> {
  return (await batchesOf(source, topic, partition, offset)).flatMap(({ records }) => records)
}

/** @returns the key, value and offset of a record, for comparisons */
export function keyValueOffset({
  key,
  value,
  offset,
}: LogRecord): readonly [string | undefined, string | undefined, number] {
  return [key?.toString(), value?.toString(), offset]
}

/** Waits until all pending promises have been processed. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
