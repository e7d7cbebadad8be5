import type { LogRecord, NewRecord } from '@joinery/core/log'
import { keyText } from '@joinery/core/store'
import { CODE } from '../../../../kafkajs/src/wire/error-codes.js'
import { type Appended, type ProducedBatch, ProducerStates } from './producer-states.js'

/** A record or a marker, with all that the checker wants to know of it. */
export interface Entry {
  readonly offset: number
  /** `undefined`: a transaction's marker. */
  readonly record: LogRecord | undefined
  /** Of a marker. */
  readonly ends: 'commit' | 'abort' | undefined
  /** Who wrote it within a transaction. */
  readonly producer: number | undefined
  readonly epoch: number
  /** Its transaction; no two have the same number. */
  readonly transaction: number | undefined
  /** World time of the append. */
  readonly at: number
  /** World time at which it could be read; `undefined` while its transaction is open, and for ever if it was aborted. */
  visibleAt: number | undefined
  isAborted: boolean
  /** World time at which compaction took it: kept for the checker only. */
  cleanedAt: number | undefined
}

/** What a partition does with timestamps. */
export type PartitionOptions = Pick<SimPartition, 'isAppendTime' | 'maxAheadMs'>

/** One partition on the simulated brokers. */
export class SimPartition {
  readonly topic: string
  readonly partition: number
  /** Whether records get the time of their append. */
  readonly isAppendTime: boolean
  /** How far ahead of the brokers a timestamp may lie (`message.timestamp.after.max.ms`). */
  readonly maxAheadMs: number
  readonly entries: Entry[] = []
  /** Transactions that were aborted: their first record, and their marker. */
  readonly aborted: { readonly producer: number; readonly first: number; readonly last: number }[] = []
  /** Open transactions by producer: the offset of the first record. */
  readonly #open = new Map<number, number>()
  readonly #producers = new ProducerStates()
  #watchers: (() => void)[] = []

  constructor(topic: string, partition: number, { isAppendTime, maxAheadMs }: PartitionOptions) {
    this.topic = topic
    this.partition = partition
    this.isAppendTime = isAppendTime
    this.maxAheadMs = maxAheadMs
  }

  get end(): number {
    return this.entries.length
  }

  /** Behind it, some transaction may still be open. */
  get stableEnd(): number {
    return Math.min(this.end, ...this.#open.values())
  }

  /** Appends outside of transactions. */
  append(records: readonly NewRecord[], now: number, timestamp: number): void {
    for (const record of records) this.#add(record, now, timestamp, now)
    this.#changed()
  }

  /** Appends a batch of a transaction, by Kafka's rules for producers. */
  produce(batch: ProducedBatch, transaction: number, now: number, timestamp: number): Appended {
    const { producer, epoch, records } = batch
    const known = this.#producers.look(batch)
    if (known !== undefined) return known
    const isRefused = !this.isAppendTime && records.some((record) => record.timestamp > timestamp + this.maxAheadMs)
    if (isRefused) return { code: CODE.INVALID_TIMESTAMP, base: -1 }
    const base = this.end
    this.#producers.wrote(batch, base)
    if (!this.#open.has(producer)) this.#open.set(producer, base)
    for (const record of records) this.#add(record, now, timestamp, undefined, { producer, epoch, transaction })
    this.#changed()
    return { code: CODE.NONE, base }
  }

  /** Ends a producer's transaction here. */
  mark(producer: number, epoch: number, transaction: number, isCommit: boolean, now: number): void {
    const from = this.#open.get(producer)
    this.#producers.marked(producer, epoch)
    if (from === undefined) return
    this.#open.delete(producer)
    if (!isCommit) this.aborted.push({ producer, first: from, last: this.end })
    for (const entry of this.entries.slice(from)) {
      if (entry.producer !== producer || entry.visibleAt !== undefined || entry.isAborted) continue
      if (isCommit) entry.visibleAt = now
      else entry.isAborted = true
    }
    this.entries.push({
      offset: this.end,
      record: undefined,
      ends: isCommit ? 'commit' : 'abort',
      producer,
      epoch,
      transaction,
      at: now,
      visibleAt: now,
      isAborted: false,
      cleanedAt: undefined,
    })
    this.#changed()
  }

  #add(
    { key, value, headers, timestamp: own }: NewRecord,
    now: number,
    timestamp: number,
    visibleAt: number | undefined,
    by?: { readonly producer: number; readonly epoch: number; readonly transaction: number },
  ): void {
    const { topic, partition, end: offset } = this
    this.entries.push({
      offset,
      ends: undefined,
      record: { topic, partition, offset, key, value, headers, timestamp: this.isAppendTime ? timestamp : own },
      producer: by?.producer,
      epoch: by?.epoch ?? 0,
      transaction: by?.transaction,
      at: now,
      visibleAt,
      isAborted: false,
      cleanedAt: undefined,
    })
  }

  /** Committed records from an offset on. */
  read(
    from: number,
    most: number,
  ): { readonly records: readonly LogRecord[]; readonly next: number; readonly end: number } {
    const end = this.stableEnd
    const records: LogRecord[] = []
    let next = from
    for (; next < end && records.length < most; next++) {
      const { record, isAborted, cleanedAt } = this.entries[next] as Entry
      if (record !== undefined && !isAborted && cleanedAt === undefined) records.push(record)
    }
    return { records, next: Math.max(from, next), end }
  }

  /** Compaction: of each key the latest record stays, and a tombstone for a while. */
  clean(now: number, tombstonesBefore: number): void {
    const latest = new Map<string, number>()
    const end = this.stableEnd
    const live = this.entries.slice(0, end).filter(({ record, isAborted }) => record !== undefined && !isAborted)
    for (const { record, offset } of live) if (record?.key != null) latest.set(keyText(record.key), offset)
    for (const entry of live) {
      const key = entry.record?.key
      if (key == null) continue
      const isOld = latest.get(keyText(key)) !== entry.offset
      const isSpent = entry.record?.value === null && (entry.visibleAt ?? Number.POSITIVE_INFINITY) < tombstonesBefore
      if (isOld || isSpent) entry.cleanedAt ??= now
    }
  }

  /** Forgets what it has acknowledged, from an offset on. */
  cut(offset: number): void {
    this.entries.splice(offset)
    this.#open.clear()
  }

  /** Calls once, when something could be read that could not before. */
  watch(changed: () => void): void {
    this.#watchers.push(changed)
  }

  #changed(): void {
    for (const changed of this.#watchers.splice(0)) changed()
  }
}
