import type { Batch, LogRecord, LogSource, NewRecord } from '../../src/log.js'

/** A record of texts; without a partition, the key decides. */
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

/** The batches of a partition up to the end as it is now. */
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

/** The records of a partition up to the end as it is now. */
export async function recordsOf(source: LogSource, topic: string, partition = 0, offset = 0): Promise<LogRecord[]> {
  return (await batchesOf(source, topic, partition, offset)).flatMap(({ records }) => records)
}

/** Key, value and offset, to compare with. */
export function brief({ key, value, offset }: LogRecord): readonly [string | undefined, string | undefined, number] {
  return [key?.toString(), value?.toString(), offset]
}

/** Lets everything happen that needs no more than promises. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
