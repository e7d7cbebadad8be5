import { JoineryError } from '../../errors.js'
import type { LogRecord, NewRecord } from '../../record.js'
import { keyText } from '../../serde/key-text.js'
import type { Batch } from '../contract.js'

const BATCH_RECORDS = 1_000
const BATCH_BYTES = 1_048_576
/** A compacted partition is cleaned when it holds this many records, and half of them may be old. */
const CLEAN_AT = 10_000

/** One partition in memory: records in offset order, not dense, and readers that wait for more. */
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

  /** Appends; answers the offset of the last record. With `marker`, an offset is taken for the end of the transaction. */
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

  /** Keeps the latest record of each key; offsets stay. Tombstones stay too. */
  clean(): void {
    const latest = new Map<string, number>()
    for (const { key, offset } of this.#records) if (key !== null) latest.set(keyText(key), offset)
    this.#records = this.#records.filter(({ key, offset }) => key === null || latest.get(keyText(key)) === offset)
    this.#cleanAt = Math.max(CLEAN_AT, this.#records.length * 2)
  }

  /** Deletes the oldest records beyond `count`, but none at or after `position`. Answers whether that was enough. */
  retain(count: number, position: number): boolean {
    const excess = this.#records.length - count
    if (excess <= 0) return true
    const free = Math.min(excess, this.#indexOf(position))
    if (free > 0) {
      this.#records.splice(0, free)
      this.#earliest = this.#records[0]?.offset ?? this.#end
    }
    return free === excess
  }

  /** Reads what is there, then an empty batch, then waits; until `signal` aborts. */
  async *read(from: number, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    if (from < this.#earliest || from > this.#end) {
      const { topic, partition } = this
      throw new JoineryError(
        'OFFSET_OUT_OF_RANGE',
        `offset ${from} of ${topic}[${partition}] is not in the log, which holds ${this.#earliest} to ${this.#end}`,
        { topic, partition, offset: from },
      )
    }
    let next = from
    let told = -1
    while (!signal.aborted) {
      if (next < this.#earliest) {
        const { topic, partition } = this
        throw new JoineryError(
          'OFFSET_OUT_OF_RANGE',
          `offset ${next} of ${topic}[${partition}] was deleted before it was read`,
          { topic, partition, offset: next },
        )
      }
      if (next === this.#end && told === next) {
        await this.#more(signal)
        continue
      }
      const batch = this.#batch(next)
      next = batch.next
      told = next === batch.end ? next : -1
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

  /** The index of the first record at or after an offset. */
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

  #more(signal: AbortSignal): Promise<void> {
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
