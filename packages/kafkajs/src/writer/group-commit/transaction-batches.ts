import type { OutputTopicInfo, TopicPartition } from '@joinery/core/log'
import { partitionName } from '../../connection/partition-name.js'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.js'
import type { BufferPool } from '../buffer-pool.js'
import { type OutgoingBatch, outgoingBatch } from '../outgoing-batch.js'
import type { OutputTopics } from '../output-topics.js'
import { RecordAccumulator } from '../record-accumulator.js'
import type { TransactionPart } from './transaction-part.js'
import { transactionalIdHeader } from './transactional-id-header.js'

/** Options of {@link TransactionBatches}. */
export interface TransactionBatchesOptions {
  readonly transactionalId: string
  readonly topics: OutputTopics
  readonly pool: BufferPool
  /** The timestamp of the changelog's records. */
  readonly timestamp: number
}

/** The records of a part in a batch. */
interface PartRecords {
  readonly part: TransactionPart
  /** The index of the first one. */
  readonly from: number
}

/** A record takes at most this many bytes more in a batch that holds the records of several parts. */
const MERGE_OVERHEAD = 12
const NO_HEADERS = [] as const

/**
 * The batches of one transaction. Parts that write to the same partition share batches, because a request holds one batch of
 * a partition, and the next request would wait for it. The parts keep their own, so that any of them can be written again
 * without the others.
 */
export class TransactionBatches {
  readonly all: readonly OutgoingBatch[]
  readonly #options: TransactionBatchesOptions
  readonly #parts = new Map<OutgoingBatch, readonly PartRecords[]>()
  readonly #changelogs = new Map<TransactionPart, readonly OutgoingBatch[]>()
  /** The batches of each partition, in order. */
  readonly #places = new Map<string, OutgoingBatch[]>()
  /** Builders that no part keeps. */
  readonly #own = new Set<RecordBatchBuilder>()

  constructor(parts: readonly TransactionPart[], options: TransactionBatchesOptions) {
    this.#options = options
    for (const part of parts) {
      for (const { topic, partition, builder } of part.outputs)
        this.#addOutput(part, outgoingBatch({ topic, partition }, builder))
      this.#addChangelog(part)
    }
    this.all = [...this.#places.values()].flat()
  }

  get bytes(): number {
    return this.all.reduce((bytes, { builder }) => bytes + builder.size, 0)
  }

  /** @returns the parts whose records a batch holds */
  partsOf(batch: OutgoingBatch): readonly TransactionPart[] {
    return this.#parts.get(batch)?.map(({ part }) => part) ?? []
  }

  /** @returns the part that a record of a batch belongs to */
  partAt(batch: OutgoingBatch, index: number): TransactionPart | undefined {
    return this.#parts.get(batch)?.findLast(({ from }) => from <= index)?.part
  }

  /** Whether a batch is for a changelog. */
  isChangelog(batch: OutgoingBatch): boolean {
    return this.partsOf(batch).some((part) => this.changelogOf(part).includes(batch))
  }

  /** @returns the batches of a part in its changelog */
  changelogOf(part: TransactionPart): readonly OutgoingBatch[] {
    return this.#changelogs.get(part) ?? []
  }

  /** Returns the buffers to the pool: nothing is sent again. */
  release(): void {
    for (const { buffer } of this.#own) this.#options.pool.release(buffer)
  }

  #addChangelog(part: TransactionPart): void {
    const { transactionalId, topics, pool, timestamp } = this.#options
    const info = topics.get(part.changelog.topic) as OutputTopicInfo
    const accumulator = new RecordAccumulator(pool)
    const { topic, partition } = part.changelog
    let headers = transactionalIdHeader(transactionalId)
    for (const { key, value } of part.changelogRecords(transactionalId)) {
      accumulator.add({ topic, partition, key, value, timestamp, headers }, info)
      headers = NO_HEADERS
    }
    this.#changelogs.set(part, accumulator.batches)
    for (const batch of accumulator.batches) {
      this.#own.add(batch.builder)
      this.#batchesAt(batch).push(batch)
      this.#parts.set(batch, [{ part, from: 0 }])
    }
  }

  #addOutput(part: TransactionPart, batch: OutgoingBatch): void {
    const batches = this.#batchesAt(batch)
    const last = batches.at(-1)
    const merged = last && this.#merged(last, batch)
    if (last === undefined || merged === undefined) {
      batches.push(batch)
      this.#parts.set(batch, [{ part, from: 0 }])
      return
    }
    const parts = [...(this.#parts.get(last) ?? []), { part, from: merged.builder.count - batch.builder.count }]
    this.#parts.delete(last)
    batches[batches.length - 1] = merged
    this.#parts.set(merged, parts)
  }

  /** @returns a batch with the records of both; `undefined` if it might be too large */
  #merged(last: OutgoingBatch, { builder }: OutgoingBatch): OutgoingBatch | undefined {
    const { topics, pool } = this.#options
    const { maxMessageBytes } = topics.get(last.topic) as OutputTopicInfo
    if (last.builder.size + builder.size + builder.count * MERGE_OVERHEAD > maxMessageBytes) return undefined
    let merged = last
    if (!this.#own.has(last.builder)) {
      merged = outgoingBatch(last, new RecordBatchBuilder(pool.acquire()))
      merged.builder.append(last.builder)
      this.#own.add(merged.builder)
    }
    merged.builder.append(builder)
    return merged
  }

  #batchesAt(at: TopicPartition): OutgoingBatch[] {
    const place = partitionName(at)
    const known = this.#places.get(place)
    if (known !== undefined) return known
    const batches: OutgoingBatch[] = []
    this.#places.set(place, batches)
    return batches
  }
}
