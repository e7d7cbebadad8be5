import type { NewRecord } from '@joinery/core'
import type { OutgoingBatch } from '../../src/writer/outgoing-batch.js'
import { RecordAccumulator } from '../../src/writer/record-accumulator.js'

/** @returns records in batches, by the number of partitions and the largest batch of each topic */
export function toBatches(
  records: readonly NewRecord[],
  partitionsOf: ReadonlyMap<string, number>,
  maxMessageBytesOf: ReadonlyMap<string, number>,
): OutgoingBatch[] {
  const accumulator = new RecordAccumulator()
  for (const record of records) {
    const { topic } = record
    accumulator.add(record, {
      partitions: partitionsOf.get(topic) as number,
      maxMessageBytes: maxMessageBytesOf.get(topic) as number,
    })
  }
  return accumulator.batches
}
