import type { Batch, FetchedEnds, LogSource } from '../log/contract.js'
import type { LogRecord } from '../record.js'
import type { OrderedInput } from './input-order.js'
import { mergeDeletions } from './tables/merge-deletions.js'

/** Batches kept in decoded form. Data prefetched beyond them stays bytes, which the garbage collector does not scan. */
const READ_AHEAD = 1

/** Records that cannot be read, because a transaction of their producer, or of one before them, is open. */
export interface OpenTransaction {
  /** The offset of its first record. */
  readonly offset: number
  /** The number of offsets that cannot be read before it ends. */
  readonly heldOffsets: number
  /** Since when it has held up the input, as far as this process knows, in monotonic milliseconds. */
  readonly since: number
}

/**
 * One partition of an input topic, as the task consumes it: a reader that fetches ahead, and the position of
 * processing.
 */
export class InputPartition implements OrderedInput {
  readonly topic: string
  readonly partition: number
  readonly rank: number
  /** Whether the input is paused: a stream before its tables are loaded, or while the wait buffer is full. */
  isPaused = false
  idleSince: number | undefined
  /** Since when the pipeline has had no room for the next record, in monotonic milliseconds; `undefined` if it has room. */
  fullSince: number | undefined
  /** The offset after the last processed record, which a commit writes. */
  next: number
  /** The leader epoch of what comes last before `next`; `undefined` if it is not known. */
  leaderEpoch: number | undefined
  #end: number | undefined
  #openTransaction: OpenTransaction | undefined
  readonly #batches: Batch[] = []
  readonly #deletions: readonly LogRecord[]
  /** Deletions that precede everything that is read. */
  #first: Batch | undefined
  #at = 0
  #stop = new AbortController()
  #reading: Promise<void> = Promise.resolve()
  #roomMade: (() => void) | undefined

  /** @param deletions processed as if they were in the topic, in the order of their offsets; those before `next` come first */
  constructor(
    topic: string,
    partition: number,
    rank: number,
    next: number,
    leaderEpoch?: number,
    deletions: readonly LogRecord[] = [],
  ) {
    this.topic = topic
    this.partition = partition
    this.rank = rank
    this.next = next
    this.leaderEpoch = leaderEpoch
    this.#deletions = deletions
  }

  /** Starts reading at the position. Calls `arrived` after every batch, and `failed` if reading ends with an error. */
  start(source: LogSource, arrived: () => void, failed: (error: unknown) => void): void {
    const { signal } = this.#stop
    const { topic, partition, next: offset, leaderEpoch } = this
    const records = this.#deletions.filter((deletion) => deletion.offset < offset)
    const later = this.#deletions.slice(records.length)
    this.#first = { records, next: offset, end: offset, ...(leaderEpoch !== undefined && { leaderEpoch }) }
    if (records.length > 0) this.#batches.push(this.#first)
    const read = async () => {
      const batches = source.read({ topic, partition, offset, leaderEpoch }, signal)
      for await (const batch of later.length === 0 ? batches : mergeDeletions(batches, later)) {
        if (signal.aborted) return
        this.#batches.push(batch)
        this.#end = batch.end
        this.#skipEmpty()
        arrived()
        while (this.#batches.length >= READ_AHEAD && !signal.aborted)
          await new Promise<void>((resolve) => {
            this.#roomMade = resolve
          })
      }
    }
    this.#reading = read().catch((error: unknown) => {
      if (!signal.aborted) failed(error)
    })
  }

  /** Stops reading, and discards what was read ahead. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#roomMade?.()
    await this.#reading
    this.#batches.length = 0
  }

  /** Number of records that were read ahead. */
  get buffered(): number {
    return this.#batches.reduce((sum, { records }) => sum + records.length, -this.#at)
  }

  get headTimestamp(): number | undefined {
    return this.#batches[0]?.records[this.#at]?.timestamp
  }

  get lag(): number | undefined {
    if (this.#end === undefined) return undefined
    const fetched = this.#batches.at(-1)?.next ?? this.next
    return Math.max(0, this.#end - fetched)
  }

  /** The transaction that holds up the input, as of the last {@link observe}. */
  get openTransaction(): OpenTransaction | undefined {
    return this.#openTransaction
  }

  /** Whether deletions that precede everything that is read still have to be processed. */
  get hasDeletions(): boolean {
    return this.#first !== undefined && this.#batches[0] === this.#first
  }

  /** Whether there is something to process, as far as is known. */
  get hasWork(): boolean {
    return this.buffered > 0 || this.lag !== 0 || this.#openTransaction !== undefined
  }

  /** Called from time to time with the ends that were fetched last. */
  observe(ends: FetchedEnds | undefined, monotonic: number): void {
    const isHeld =
      ends !== undefined && ends.highWatermark > ends.lastStableOffset && this.next >= ends.lastStableOffset
    if (!isHeld) {
      this.#openTransaction = undefined
      return
    }
    const { lastStableOffset: offset, highWatermark } = ends
    const since = this.#openTransaction?.offset === offset ? this.#openTransaction.since : monotonic
    this.#openTransaction = { offset, heldOffsets: highWatermark - offset, since }
  }

  /**
   * The next records of one batch, at least one and at most `limit`, with timestamps before `before` (or equal to it, if
   * `inclusive`).
   */
  peek(limit: number, before: number, inclusive: boolean): readonly LogRecord[] {
    const { records } = this.#batches[0] as Batch
    let to = this.#at + 1
    const last = Math.min(records.length, this.#at + limit)
    while (to < last) {
      const { timestamp } = records[to] as LogRecord
      if (inclusive ? timestamp > before : timestamp >= before) break
      to++
    }
    return this.#at === 0 && to === records.length ? records : records.slice(this.#at, to)
  }

  /** Whether the next record has this key. */
  isNext(key: Uint8Array | null): boolean {
    const next = this.#batches[0]?.records[this.#at]
    if (next === undefined || next.key === null || key === null) return false
    return Buffer.compare(next.key, key) === 0
  }

  /** Moves the position past the next `count` records. */
  advance(count: number): void {
    if (count === 0) return
    const batch = this.#batches[0] as Batch
    this.#at += count
    this.next = Math.max(this.next, (batch.records[this.#at - 1] as LogRecord).offset + 1)
    // within a batch it may be a later one, which no truncation after the read can have
    this.leaderEpoch = batch.leaderEpoch
    this.#skipEmpty()
  }

  /** Removes finished batches. The position also moves past offsets without a record, such as transaction markers. */
  #skipEmpty(): void {
    for (
      let first = this.#batches[0];
      first !== undefined && this.#at >= first.records.length;
      first = this.#batches[0]
    ) {
      this.next = Math.max(this.next, first.next)
      this.leaderEpoch = first.leaderEpoch
      this.#batches.shift()
      this.#at = 0
      this.#roomMade?.()
      this.#roomMade = undefined
    }
  }
}
