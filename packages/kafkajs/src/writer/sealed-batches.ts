import type { NewRecord } from '@joinery/core'
import { partitionFor } from '@joinery/core/log'
import { RecordBatchBuilder } from '../batch/record-batch-builder.js'

/** A batch for one partition. Once sealed its bytes never change: what is sent again is the same. */
export interface OutgoingBatch {
  readonly topic: string
  readonly partition: number
  readonly builder: RecordBatchBuilder
  sealed: Buffer | undefined
  /** The offset of its first record, once the broker has told. */
  baseOffset: number
  /** When the broker appended it, if its topic keeps that. */
  appendedAt: number
}

/** Room for what a record may take beside its key, value and headers. */
const RECORD_OVERHEAD = 40
const HEADER_OVERHEAD = 10

/** Puts records into batches by partition, none larger than its topic takes. */
export function toBatches(
  records: readonly NewRecord[],
  partitionsOf: ReadonlyMap<string, number>,
  maxBytes: ReadonlyMap<string, number>,
): OutgoingBatch[] {
  const batches: OutgoingBatch[] = []
  const open = new Map<string, OutgoingBatch[]>()
  for (const record of records) {
    const { topic, key, value, timestamp, headers } = record
    const partition = record.partition ?? (key === null ? 0 : partitionFor(key, partitionsOf.get(topic) as number))
    let byPartition = open.get(topic)
    if (byPartition === undefined) {
      byPartition = []
      open.set(topic, byPartition)
    }
    let batch = byPartition[partition]
    let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
    for (const [name, content] of headers) size += name.length * 3 + (content?.length ?? 0) + HEADER_OVERHEAD
    if (batch === undefined || batch.builder.size + size > (maxBytes.get(topic) as number)) {
      batch = { topic, partition, builder: new RecordBatchBuilder(), sealed: undefined, baseOffset: -1, appendedAt: -1 }
      byPartition[partition] = batch
      batches.push(batch)
    }
    batch.builder.add(key, value, timestamp, headers)
  }
  return batches
}
