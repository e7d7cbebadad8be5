import type { NewRecord } from '@joinery/core'
import { partitionFor } from '@joinery/core/log'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.js'
import type { SpareBuffers } from './spare-buffers.js'

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

/** What has to be known of a topic to write to it. */
export interface TopicFacts {
  readonly partitions: number
  readonly maxBytes: number
}

/** Batches that are being filled: records by partition, in their order, none larger than its topic takes. */
export class OpenBatches {
  readonly all: OutgoingBatch[] = []
  readonly #spare: SpareBuffers | undefined
  readonly #last = new Map<string, OutgoingBatch[]>()

  /** @param spare gives the buffers that batches are built in */
  constructor(spare?: SpareBuffers) {
    this.#spare = spare
  }

  add(
    { topic, partition: chosen, key, value, timestamp, headers }: NewRecord,
    { partitions, maxBytes }: TopicFacts,
  ): void {
    const partition = chosen ?? (key === null ? 0 : partitionFor(key, partitions))
    let last = this.#last.get(topic)
    if (last === undefined) {
      last = []
      this.#last.set(topic, last)
    }
    let batch = last[partition]
    let size = RECORD_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
    for (const [name, content] of headers) size += name.length * 3 + (content?.length ?? 0) + HEADER_OVERHEAD
    if (batch === undefined || batch.builder.size + size > maxBytes) {
      batch = {
        topic,
        partition,
        builder: new RecordBatchBuilder(this.#spare?.take()),
        sealed: undefined,
        baseOffset: -1,
        appendedAt: -1,
      }
      last[partition] = batch
      this.all.push(batch)
    }
    batch.builder.add(key, value, timestamp, headers)
  }
}

/** Puts records into batches. */
export function toBatches(
  records: readonly NewRecord[],
  partitionsOf: ReadonlyMap<string, number>,
  maxBytes: ReadonlyMap<string, number>,
): OutgoingBatch[] {
  const open = new OpenBatches()
  for (const record of records) {
    const { topic } = record
    open.add(record, { partitions: partitionsOf.get(topic) as number, maxBytes: maxBytes.get(topic) as number })
  }
  return open.all
}
