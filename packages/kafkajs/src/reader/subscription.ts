import type { LogRecord } from '@joinery/core'
import type { Batch } from '@joinery/core/log'
import { ATTRIBUTE } from '../batch/record-batch.js'
import { type BatchHeader, batchHeaders, decodeBatch, isAbortMarker } from '../batch/record-batch-decoder.js'

/** Records decoded before others get their turn. */
const MOST_RECORDS = 1_000

/** An aborted transaction, as the broker tells it. */
export interface Aborted {
  readonly producerId: number
  readonly firstOffset: number
}

/** Fetched batches of committed records, not yet decoded. */
interface Fetched {
  readonly bytes: Buffer
  readonly headers: readonly BatchHeader[]
  readonly size: number
  readonly next: number
  at: number
}

/** One partition that is being read: where to fetch next, and what was fetched ahead. */
export class Subscription {
  readonly topic: string
  readonly partition: number
  /** The offset to fetch next. */
  position: number
  /** Do not fetch before, in monotonic milliseconds: something went wrong. */
  retryAt = 0
  /** More than the usual share, because a batch was larger than it. */
  grow = 1
  readonly #maxBytes: number
  readonly #maxDecompressed: number
  readonly #queue: Fetched[] = []
  readonly #aborting = new Set<number>()
  /** From here on records are wanted; a batch may begin earlier. */
  #from: number
  #bytes = 0
  #end: number | undefined
  #toldEnd = -1
  #error: unknown
  #arrived: (() => void) | undefined
  isClosed = false

  constructor(topic: string, partition: number, from: number, maxBytes: number, maxDecompressed: number) {
    this.topic = topic
    this.partition = partition
    this.position = from
    this.#from = from
    this.#maxBytes = maxBytes
    this.#maxDecompressed = maxDecompressed
  }

  /** Whether another fetch may be asked for. */
  get hasRoom(): boolean {
    return !this.isClosed && this.#error === undefined && this.#bytes < this.#maxBytes
  }

  /** What is held in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes an answer: passes markers, leaves out what was aborted. */
  take(bytes: Buffer, from: number, to: number, aborted: readonly Aborted[], stableEnd: number): void {
    this.#end = stableEnd
    const all = batchHeaders(bytes, from, to, this)
    if (all.length === 0 && to > from) this.grow *= 2
    else this.grow = 1
    const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    const committed: BatchHeader[] = []
    for (const header of all) {
      if (header.next <= this.position) continue
      this.position = header.next
      while (pending[0] !== undefined && pending[0].firstOffset < header.next)
        this.#aborting.add((pending.shift() as Aborted).producerId)
      if (header.attributes & ATTRIBUTE.control) {
        if (isAbortMarker(bytes, header, this)) this.#aborting.delete(header.producerId)
      } else if (
        header.count > 0 &&
        !(header.attributes & ATTRIBUTE.transactional && this.#aborting.has(header.producerId))
      )
        committed.push(header)
    }
    if (all.length > 0) {
      const size = to - from
      this.#bytes += size
      this.#queue.push({ bytes, headers: committed, size, next: this.position, at: 0 })
    }
    this.#wake()
  }

  /** Ends the reading with an error. */
  fail(error: unknown): void {
    this.#error = error
    this.#wake()
  }

  close(): void {
    this.isClosed = true
    this.#queue.length = 0
    this.#bytes = 0
    this.#wake()
  }

  /** The next records, or the news that there are none; `undefined` when closed. */
  async next(madeRoom: () => void): Promise<Batch | undefined> {
    for (;;) {
      if (this.isClosed) return undefined
      const first = this.#queue[0]
      if (first !== undefined) {
        const batch = this.#decode(first)
        if (first.at >= first.headers.length) {
          this.#queue.shift()
          this.#bytes -= first.size
          madeRoom()
        }
        this.#toldEnd = batch.end
        return batch
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#end !== undefined && this.#end !== this.#toldEnd) {
        this.#toldEnd = this.#end
        return { records: [], next: this.#from, end: this.#end }
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
  }

  #decode(fetched: Fetched): Batch {
    const records: LogRecord[] = []
    while (fetched.at < fetched.headers.length && records.length < MOST_RECORDS) {
      const header = fetched.headers[fetched.at++] as BatchHeader
      decodeBatch(fetched.bytes, header, this.#from, records, this, this.#maxDecompressed)
      this.#from = Math.max(this.#from, header.next)
    }
    if (fetched.at >= fetched.headers.length) this.#from = Math.max(this.#from, fetched.next)
    return { records, next: this.#from, end: Math.max(this.#end ?? 0, this.#from) }
  }

  #wake(): void {
    this.#arrived?.()
    this.#arrived = undefined
  }
}
