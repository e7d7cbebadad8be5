import { JoineryError } from '../../errors.js'
import type { LogRecord, NewRecord } from '../../record.js'
import { keyText } from '../../serde/key-text.js'
import type { Batch, LogSource } from '../contract.js'

const BATCH_RECORDS = 1_000
const BATCH_BYTES = 1_048_576
/** The fewest records at which a compacted partition is cleaned; it is cleaned again once it has doubled. */
const CLEAN_AT = 10_000

/** One partition in memory: records in offset order, with gaps, and the readers that wait for more. */
export class MemoryPartition {
  readonly topic: string
  readonly partition: number
  readonly #compacts: boolean
  #records: LogRecord[] = []
  #earliest = 0
  #end = 0
  #cleanAt = CLEAN_AT
  readonly #waiting = new Set<() => void>()

  constructor(topic: string, partition: number, compacts: boolean) {
    this.topic = topic
    this.partition = partition
    this.#compacts = compacts
  }

  get earliest(): number {
    return this.#earliest
  }

  get end(): number {
    return this.#end
  }

  get count(): number {
    return this.#records.length
  }

  /**
   * Appends records. With `marker`, the end of the transaction takes an offset as well.
   *
   * @returns the offset of the last record
   */
  append(records: readonly NewRecord[], marker: boolean): number {
    const { topic, partition } = this
    for (const { key, value, timestamp, headers } of records) {
      this.#records.push({ topic, partition, offset: this.#end++, key, value, timestamp, headers })
    }
    const last = this.#end - 1
    if (marker) this.#end++
    if (this.#compacts && this.#records.length >= this.#cleanAt) this.clean()
    for (const wake of [...this.#waiting]) wake()
    return last
  }

  /** Keeps the latest record for each key, tombstones included. Offsets do not change. */
  clean(): void {
    const latest = new Map<string, number>()
    for (const { key, offset } of this.#records) if (key !== null) latest.set(keyText(key), offset)
    this.#records = this.#records.filter(({ key, offset }) => key === null || latest.get(keyText(key)) === offset)
    this.#cleanAt = Math.max(CLEAN_AT, this.#records.length * 2)
  }

  /**
   * Deletes the oldest records in excess of `count`, but none at or after `position`.
   *
   * @returns whether at most `count` records remain
   */
  retain(count: number, position: number): boolean {
    const excess = this.#records.length - count
    if (excess <= 0) return true
    const deletable = Math.min(excess, this.#indexOf(position))
    if (deletable > 0) {
      this.#records.splice(0, deletable)
      this.#earliest = this.#records[0]?.offset ?? this.#end
    }
    return deletable === excess
  }

  /** As {@link LogSource.read}. */
  async *read(from: number, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    if (from < this.#earliest || from > this.#end) {
      const { topic, partition } = this
      throw new JoineryError(
        'OFFSET_OUT_OF_RANGE',
        `offset ${from} of ${topic}[${partition}] is not in the log, which has offsets ${this.#earliest} to ${this.#end}`,
        { topic, partition, offset: from },
      )
    }
    let next = from
    /** The end with which the last batch reported that the reader has caught up. */
    let reportedEnd = -1
    while (!signal.aborted) {
      if (next < this.#earliest) {
        const { topic, partition } = this
        throw new JoineryError(
          'OFFSET_OUT_OF_RANGE',
          `offset ${next} of ${topic}[${partition}] was deleted before it was read`,
          { topic, partition, offset: next },
        )
      }
      if (next === this.#end && reportedEnd === next) {
        await this.#waitForRecords(signal)
        continue
      }
      const batch = this.#batch(next)
      next = batch.next
      reportedEnd = next === batch.end ? next : -1
      yield batch
    }
  }

  #batch(from: number): Batch {
    const records: LogRecord[] = []
    let bytes = 0
    let at = this.#indexOf(from)
    for (; at < this.#records.length && records.length < BATCH_RECORDS && bytes < BATCH_BYTES; at++) {
      const record = this.#records[at] as LogRecord
      records.push(record)
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
    }
    return { records, next: this.#records[at]?.offset ?? this.#end, end: this.#end }
  }

  /** @returns the index of the first record at or after an offset */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#records.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#records[middle] as LogRecord).offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #waitForRecords(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
