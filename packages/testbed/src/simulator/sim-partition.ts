import type { LogRecord, NewRecord } from '@joinery/core/log'
import { keyText } from '@joinery/core/store'

/** A record or a marker, with all that the checker wants to know of it. */
export interface Entry {
  readonly offset: number
  /** `undefined`: a transaction's marker. */
  readonly record: LogRecord | undefined
  readonly writer: string | undefined
  readonly epoch: number
  /** World time of the append. */
  readonly at: number
  /** World time at which it could be read; `undefined` while its transaction is open, and for ever if it was aborted. */
  visibleAt: number | undefined
  isAborted: boolean
  /** Taken by compaction: kept for the checker only. */
  isCleaned: boolean
}

/** One partition on the simulated brokers. */
export class SimPartition {
  readonly topic: string
  readonly partition: number
  readonly entries: Entry[] = []
  /** Open transactions by writer: the offset of the first record. */
  readonly #open = new Map<string, number>()
  /** The newest epoch of each writer. */
  readonly #epochs = new Map<string, number>()
  #watchers: (() => void)[] = []

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get end(): number {
    return this.entries.length
  }

  /** Behind it, some transaction may still be open. */
  get stableEnd(): number {
    return Math.min(this.end, ...this.#open.values())
  }

  /** Appends; answers the offset of the last record. Answers `undefined` if a later epoch of the writer was seen. */
  append(
    records: readonly NewRecord[],
    now: number,
    timestamp: number,
    writer?: string,
    epoch = 0,
  ): number | undefined {
    if (writer !== undefined) {
      if (epoch < (this.#epochs.get(writer) ?? 0)) return undefined
      this.#epochs.set(writer, epoch)
      if (!this.#open.has(writer)) this.#open.set(writer, this.end)
    }
    for (const { key, value, headers, timestamp: own } of records) {
      const offset = this.end
      this.entries.push({
        offset,
        record: {
          topic: this.topic,
          partition: this.partition,
          offset,
          key,
          value,
          headers,
          timestamp: own || timestamp,
        },
        writer,
        epoch,
        at: now,
        visibleAt: writer === undefined ? now : undefined,
        isAborted: false,
        isCleaned: false,
      })
    }
    this.#changed()
    return this.end - 1
  }

  /** Ends a writer's transaction here. */
  mark(writer: string, epoch: number, isCommit: boolean, now: number): void {
    const from = this.#open.get(writer)
    this.#epochs.set(writer, Math.max(epoch, this.#epochs.get(writer) ?? 0))
    if (from === undefined) return
    this.#open.delete(writer)
    for (const entry of this.entries.slice(from)) {
      if (entry.writer !== writer || entry.visibleAt !== undefined || entry.isAborted) continue
      if (isCommit) entry.visibleAt = now
      else entry.isAborted = true
    }
    this.entries.push({
      offset: this.end,
      record: undefined,
      writer,
      epoch,
      at: now,
      visibleAt: now,
      isAborted: false,
      isCleaned: false,
    })
    this.#changed()
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
      const { record, isAborted, isCleaned } = this.entries[next] as Entry
      if (record !== undefined && !isAborted && !isCleaned) records.push(record)
    }
    return { records, next: Math.max(from, next), end }
  }

  /** Compaction: of each key the latest record stays, and a tombstone for a while. */
  clean(tombstonesBefore: number): void {
    const latest = new Map<string, number>()
    const end = this.stableEnd
    const live = this.entries.slice(0, end).filter(({ record, isAborted }) => record !== undefined && !isAborted)
    for (const { record, offset } of live) if (record?.key != null) latest.set(keyText(record.key), offset)
    for (const entry of live) {
      const key = entry.record?.key
      if (key == null) continue
      const isOld = latest.get(keyText(key)) !== entry.offset
      const isSpent = entry.record?.value === null && (entry.visibleAt ?? Number.POSITIVE_INFINITY) < tombstonesBefore
      if (isOld || isSpent) entry.isCleaned = true
    }
  }

  /** Calls once, when something could be read that could not before. */
  watch(changed: () => void): void {
    this.#watchers.push(changed)
  }

  #changed(): void {
    for (const changed of this.#watchers.splice(0)) changed()
  }
}
