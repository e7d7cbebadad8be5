import type { LogRecord, NewRecord } from '@joinery/core/log'
import { keyText } from '@joinery/core/store'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { type AppendResult, type ProducedBatch, ProducerStates } from './producer-states.js'

/** A record or a marker, with everything that the checker needs to know about it. */
export interface Entry {
  readonly offset: number
  /** `undefined` for a transaction marker. */
  readonly record: LogRecord | undefined
  /** Only of a marker. */
  readonly marker: 'commit' | 'abort' | undefined
  /** The producer id, if it was written in a transaction. */
  readonly producer: bigint | undefined
  readonly epoch: number
  /** The number of its transaction, which is unique. */
  readonly transaction: number | undefined
  /** The epoch of the leader that appended it. */
  readonly leaderEpoch: number
  /** Simulated time of the append. */
  readonly at: number
  /** Simulated time from which it can be read; `undefined` while its transaction is open, and forever if it is aborted. */
  visibleAt: number | undefined
  isAborted: boolean
  /** Simulated time at which compaction removed it. Only the checker still sees it. */
  compactedAt: number | undefined
  /** Simulated time from which compaction may remove a tombstone; `undefined` until a first pass has found it. */
  deleteHorizon: number | undefined
}

/** What a partition accepts, how it treats timestamps, and the epoch of its leader. */
export interface PartitionOptions extends Pick<SimPartition, 'isAppendTime' | 'maxAheadMs' | 'accepts'> {
  readonly leaderEpoch: () => number
}

/** One partition on the simulated brokers. */
export class SimPartition {
  readonly topic: string
  readonly partition: number
  /** Whether records get the time of their append. */
  readonly isAppendTime: boolean
  /** How far timestamps may be ahead of the brokers' clock (`message.timestamp.after.max.ms`). */
  readonly maxAheadMs: number
  /** Whether it takes a record. */
  readonly accepts: (record: NewRecord) => boolean
  readonly entries: Entry[] = []
  /** Aborted transactions: the offsets of their first record and their marker. */
  readonly aborted: { readonly producer: bigint; readonly first: number; readonly last: number }[] = []
  /** The offset of the first record of each open transaction, by producer. */
  readonly #open = new Map<bigint, number>()
  readonly #leaderEpoch: () => number
  readonly #producers = new ProducerStates()
  #watchers: (() => void)[] = []

  constructor(topic: string, partition: number, { isAppendTime, maxAheadMs, accepts, leaderEpoch }: PartitionOptions) {
    this.topic = topic
    this.partition = partition
    this.isAppendTime = isAppendTime
    this.maxAheadMs = maxAheadMs
    this.accepts = accepts
    this.#leaderEpoch = leaderEpoch
  }

  get highWatermark(): number {
    return this.entries.length
  }

  /** The end of what consumers of committed records can read. */
  get lastStableOffset(): number {
    return Math.min(this.highWatermark, ...this.#open.values())
  }

  /** The first record of each transaction without a marker. */
  get openEntries(): readonly Entry[] {
    return Array.from(this.#open.values(), (offset) => this.entries[offset] as Entry)
  }

  /** Appends outside of transactions. */
  append(records: readonly NewRecord[], now: number, timestamp: number): void {
    for (const record of records) this.#add(record, now, timestamp, now)
    this.#notifyWatchers()
  }

  /** Appends a batch of a transaction by Kafka's rules for producers. */
  produce(batch: ProducedBatch, transaction: number, now: number, timestamp: number): AppendResult {
    const { producer, epoch, records } = batch
    const known = this.#producers.errorFor(batch)
    if (known !== undefined) return known
    const isRefused = !this.isAppendTime && records.some((record) => record.timestamp > timestamp + this.maxAheadMs)
    if (isRefused) return { code: CODE.INVALID_TIMESTAMP, base: -1 }
    const refused = records.flatMap((record, index) => (this.accepts(record) ? [] : [index]))
    if (refused.length > 0) return { code: CODE.INVALID_RECORD, base: -1, refused }
    const base = this.highWatermark
    this.#producers.appended(batch, base)
    if (!this.#open.has(producer)) this.#open.set(producer, base)
    for (const record of records) this.#add(record, now, timestamp, undefined, { producer, epoch, transaction })
    this.#notifyWatchers()
    return { code: CODE.NONE, base }
  }

  /** Ends the transaction of a producer in this partition. */
  endTransaction(producer: bigint, epoch: number, transaction: number, isCommit: boolean, now: number): void {
    const from = this.#open.get(producer)
    this.#producers.transactionEnded(producer, epoch)
    if (from === undefined) return
    this.#open.delete(producer)
    if (!isCommit) this.aborted.push({ producer, first: from, last: this.highWatermark })
    for (const entry of this.entries.slice(from)) {
      if (entry.producer !== producer || entry.visibleAt !== undefined || entry.isAborted) continue
      if (isCommit) entry.visibleAt = now
      else entry.isAborted = true
    }
    this.#addMarker(isCommit ? 'commit' : 'abort', { producer, epoch, transaction }, now)
  }

  /** The leader gets the marker of a transaction again. */
  repeatMarker(producer: bigint, transaction: number, now: number): void {
    const marker = this.entries.findLast((entry) => entry.marker !== undefined && entry.transaction === transaction)
    if (marker?.marker !== undefined)
      this.#addMarker(marker.marker, { producer, epoch: marker.epoch, transaction }, now)
  }

  #addMarker(
    marker: 'commit' | 'abort',
    {
      producer,
      epoch,
      transaction,
    }: { readonly producer: bigint; readonly epoch: number; readonly transaction: number },
    now: number,
  ): void {
    this.entries.push({
      offset: this.highWatermark,
      record: undefined,
      marker,
      producer,
      epoch,
      transaction,
      leaderEpoch: this.#leaderEpoch(),
      at: now,
      visibleAt: now,
      isAborted: false,
      compactedAt: undefined,
      deleteHorizon: undefined,
    })
    this.#notifyWatchers()
  }

  #add(
    { key, value, headers, timestamp: own }: NewRecord,
    now: number,
    timestamp: number,
    visibleAt: number | undefined,
    by?: { readonly producer: bigint; readonly epoch: number; readonly transaction: number },
  ): void {
    const { topic, partition, highWatermark: offset } = this
    this.entries.push({
      offset,
      marker: undefined,
      record: { topic, partition, offset, key, value, headers, timestamp: this.isAppendTime ? timestamp : own },
      producer: by?.producer,
      epoch: by?.epoch ?? 0,
      transaction: by?.transaction,
      leaderEpoch: this.#leaderEpoch(),
      at: now,
      visibleAt,
      isAborted: false,
      compactedAt: undefined,
      deleteHorizon: undefined,
    })
  }

  /** @returns committed records from an offset on */
  read(
    from: number,
    most: number,
  ): { readonly records: readonly LogRecord[]; readonly next: number; readonly end: number } {
    const end = this.lastStableOffset
    const records: LogRecord[] = []
    let next = from
    for (; next < end && records.length < most; next++) {
      const { record, isAborted, compactedAt } = this.entries[next] as Entry
      if (record !== undefined && !isAborted && compactedAt === undefined) records.push(record)
    }
    return { records, next: Math.max(from, next), end }
  }

  /**
   * Compaction: keeps the latest record of each key, and a tombstone until a pass that is `deleteRetentionMs` after the
   * first one that found it (KIP-534), so that a reader of an older value has that long to read the tombstone.
   */
  compact(now: number, deleteRetentionMs: number): void {
    const latest = new Map<string, number>()
    const end = this.lastStableOffset
    const live = this.entries.slice(0, end).filter(({ record, isAborted }) => record !== undefined && !isAborted)
    for (const { record, offset } of live) if (record?.key != null) latest.set(keyText(record.key), offset)
    for (const entry of live) {
      const key = entry.record?.key
      if (key == null) continue
      if (entry.record?.value === null) entry.deleteHorizon ??= now + deleteRetentionMs
      const isOld = latest.get(keyText(key)) !== entry.offset
      const isSpent = entry.deleteHorizon !== undefined && entry.deleteHorizon <= now
      if (isOld || isSpent) entry.compactedAt ??= now
    }
  }

  /** Loses everything from an offset on. */
  truncate(offset: number): void {
    this.entries.splice(offset)
    this.aborted.splice(0, this.aborted.length, ...this.aborted.filter(({ last }) => last < offset))
    this.#open.clear()
    this.#notifyWatchers()
  }

  /** @returns the offset after the last entry for which a condition holds, which holds for those before it, too */
  endOf(holds: (entry: Entry) => boolean): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.entries[middle] as Entry)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether the log holds what a consumer has read up to an offset, where it found a leader epoch; -1: any. */
  holds(offset: number, lastEpoch: number): boolean {
    if (offset > this.highWatermark || lastEpoch > this.#leaderEpoch()) return false
    return lastEpoch < 0 || this.endOf(({ leaderEpoch }) => leaderEpoch <= lastEpoch) >= offset
  }

  /** Calls once, when more can be read than before. */
  onceChanged(changed: () => void): void {
    this.#watchers.push(changed)
  }

  #notifyWatchers(): void {
    for (const changed of this.#watchers.splice(0)) changed()
  }
}
