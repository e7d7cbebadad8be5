import type { LogRecord } from '../../record.js'
import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { WriteBatch } from '../commit/write-batch.js'
import type { RowReader } from '../stores/row-reader.js'
import type { BoundedTable, ReachedBound, TableBounds } from './table-bounds.js'

/** A table that has reached a bound, and the record that its task waits to process. */
export interface FullTable extends ReachedBound {
  /** The topic of the table. */
  readonly table: string
  /** The partition. */
  readonly task: number
  /** The record that does not fit. */
  readonly offset: number
}

/** Options of {@link TableCapacity}. */
export interface TableCapacityOptions {
  readonly topic: string
  readonly bounds: TableBounds
  readonly rows: RowReader
  /** Called when there may be room. */
  readonly wake: () => void
  /** Called when the table becomes full, and with `undefined` when it continues. */
  readonly changed: (full: FullTable | undefined) => void
}

/**
 * Admits the records of one table in one task, as far as the bounds leave capacity for their rows. A record that would exceed a
 * bound is not processed, and neither is anything after it, until there is room. A record that does not make the table larger is
 * always processed.
 *
 * As long as records fit even if all of their rows were new, no row is read. Close to the bound, the row that each record replaces
 * is read, and the task waits for its own commits, because only they show how many bytes were added.
 */
export class TableCapacity implements BoundedTable {
  readonly topic: string
  readonly wake: () => void
  readonly #options: TableCapacityOptions
  /** By uncommitted batch, the bytes by which it may let the store grow. */
  readonly #pending = new Map<WriteBatch, number>()
  #isHeld = false
  #full: FullTable | undefined

  constructor(options: TableCapacityOptions) {
    this.topic = options.topic
    this.wake = options.wake
    this.#options = options
    options.bounds.add(this)
  }

  get pendingBytes(): number {
    let sum = 0
    for (const bytes of this.#pending.values()) sum += bytes
    return sum
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** The bound that the table has reached; `undefined` also while it is not certain, because commits are under way. */
  get full(): FullTable | undefined {
    return this.#full
  }

  /**
   * Reserves capacity for the records that are processed next.
   *
   * @returns how many of them, from the first one, fit
   */
  async admit(records: readonly LogRecord[], work: UncommittedWork): Promise<number> {
    const bytesLeft = this.#options.bounds.bytesLeftFor(this)
    let bytes = 0
    let count = 0
    for (const record of records) {
      const total = bytes + sizeOf(record)
      if (total > bytesLeft) break
      bytes = total
      count++
    }
    if (count === 0) {
      const growth = await this.#growthWithin(records[0] as LogRecord, work)
      if (growth === undefined) return 0
      bytes = growth
      count = 1
    }
    this.#reserve(work.current, bytes)
    return count
  }

  /** Whether a record fits. If not, the task waits. */
  async fits(record: LogRecord, work: UncommittedWork): Promise<boolean> {
    return (await this.#growthWithin(record, work)) !== undefined
  }

  /** A batch has been applied to the stores. */
  committed(work: UncommittedWork): void {
    for (const batch of [...this.#pending.keys()]) if (!work.includes(batch)) this.#pending.delete(batch)
    this.#options.bounds.changed()
  }

  /** Releases what was reserved: the attempt has ended. */
  release(): void {
    this.#pending.clear()
    this.#options.bounds.remove(this)
  }

  /**
   * By how many bytes the store grows if a record is processed: less than zero if a row is deleted or becomes smaller. `undefined` if
   * there is no room for that.
   */
  async #growthWithin(record: LogRecord, work: UncommittedWork): Promise<number | undefined> {
    const { bounds, rows } = this.#options
    const { key } = record
    if (key === null) return 0
    const [row] = await rows.read([key], work.batches)
    const growth = sizeOf(record) - (row === undefined ? 0 : key.length + row.size)
    if (growth <= 0 || growth <= bounds.bytesLeftFor(this)) return growth
    this.#hold(record, growth)
    return undefined
  }

  #reserve(batch: WriteBatch, bytes: number): void {
    this.#pending.set(batch, (this.#pending.get(batch) ?? 0) + bytes)
    this.#isHeld = false
    if (this.#full === undefined) return
    this.#full = undefined
    this.#options.changed(undefined)
  }

  #hold({ offset, partition }: LogRecord, growth: number): void {
    this.#isHeld = true
    const bound = this.#options.bounds.reachedBy(this)
    // uncommitted work may take fewer bytes than are reserved for it
    if (this.#full !== undefined || this.#pending.size > 0 || growth <= bound.maxBytes - bound.bytes) return
    const { option, maxBytes, bytes } = bound
    this.#full = { table: this.topic, task: partition, offset, option, maxBytes, bytes }
    this.#options.changed(this.#full)
  }
}

/** The bytes of a row; 0 for a record that puts none. */
const sizeOf = ({ key, value }: LogRecord): number => (key === null || value === null ? 0 : key.length + value.length)
