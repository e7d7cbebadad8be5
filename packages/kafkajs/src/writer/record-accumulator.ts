import type { NewRecord } from '@joinery/core'
import { type OutputTopicInfo, partitionFor } from '@joinery/core/log'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.js'
import type { BufferPool } from './buffer-pool.js'
import { type OutgoingBatch, outgoingBatch } from './outgoing-batch.js'

/** Upper bounds for the overhead of a record and of a header. */
const RECORD_OVERHEAD = 40
const HEADER_OVERHEAD = 10

/** Collects records into batches, in the order of each partition. No batch with several records is larger than its topic allows. */
export class RecordAccumulator {
  readonly batches: OutgoingBatch[] = []
  readonly #pool: BufferPool | undefined
  /** By topic, the batch of each partition that records are added to. */
  readonly #open = new Map<string, OutgoingBatch[]>()

  /** @param pool provides the buffers that batches are built in */
  constructor(pool?: BufferPool) {
    this.#pool = pool
  }

  add(
    { topic, partition: chosen, key, value, timestamp, headers }: NewRecord,
    { partitions, maxMessageBytes }: OutputTopicInfo,
  ): void {
    const partition = chosen ?? (key === null ? 0 : partitionFor(key, partitions))
    let open = this.#open.get(topic)
    if (open === undefined) {
      open = []
      this.#open.set(topic, open)
    }
    let batch = open[partition]
    let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
    for (const [name, content] of headers) size += name.length * 3 + (content?.length ?? 0) + HEADER_OVERHEAD
    if (batch === undefined || batch.builder.size + size > maxMessageBytes) {
      batch = outgoingBatch({ topic, partition }, new RecordBatchBuilder(this.#pool?.acquire()))
      open[partition] = batch
      this.batches.push(batch)
    }
    batch.builder.add(key, value, timestamp, headers)
  }
}
