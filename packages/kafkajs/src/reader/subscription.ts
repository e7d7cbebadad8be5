import { JoineryError, type LogRecord } from '@joinery/core'
import type { Batch } from '@joinery/core/log'
import type { AbortedTransaction, FetchPartitionResponse } from '../protocol/fetch.js'
import { ATTRIBUTE } from '../protocol/record-batch/record-batch.js'
import {
  type BatchHeader,
  batchHeaders,
  decodeBatch,
  isAbortMarker,
} from '../protocol/record-batch/record-batch-decoder.js'
import type { ByteRange } from '../protocol/response-reader.js'

/** Records, and bytes of them, decoded before others get their turn. */
const MOST_RECORDS = 200
const MOST_BYTES = 2 ** 20
/** More than this times the usual share is not asked for. */
const MOST_GROWTH = 64

/** What is taken of a partition's part of a Fetch response. */
type Fetched = Pick<FetchPartitionResponse, 'records' | 'abortedTransactions' | 'lastStableOffset'>

/** Fetched batches of committed records, not yet decoded. */
interface QueuedBatches {
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
  readonly #queue: QueuedBatches[] = []
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

  /**
   * Takes an answer: passes markers, leaves out what was aborted. Every answer names all aborted transactions that reach
   * into it, so nothing is remembered from one to the next: compaction may have taken a marker that was waited for.
   *
   * @throws JoineryError `RECORDS_CORRUPT`
   */
  take(response: Buffer, { records, abortedTransactions, lastStableOffset }: Fetched): void {
    const size = records.to - records.from
    const { bytes, from, to } = retained(response, records)
    const all = batchHeaders(bytes, from, to, this)
    this.#end = lastStableOffset
    if (all.length > 0) {
      const before = this.position
      const headers = this.#committed(bytes, all, abortedTransactions)
      if (this.position === before) throw this.#corrupt('only batches that end before it were answered for')
      this.grow = 1
      this.#bytes += size
      this.#queue.push({ bytes, headers, size, next: this.position, at: 0 })
    } else if (size > 0) {
      if (this.grow === MOST_GROWTH) throw this.#corrupt(`not one whole batch was answered in ${size} bytes for`)
      this.grow *= 2
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

  /** Moves the position behind all batches. Answers those with committed records. */
  #committed(bytes: Buffer, all: readonly BatchHeader[], aborted: readonly AbortedTransaction[]): BatchHeader[] {
    const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    const aborting = new Set<number>()
    const committed: BatchHeader[] = []
    for (const header of all) {
      if (header.next <= this.position) continue
      this.position = header.next
      while (pending[0] !== undefined && pending[0].firstOffset < header.next)
        aborting.add((pending.shift() as AbortedTransaction).producerId)
      const { attributes, count, producerId } = header
      if (attributes & ATTRIBUTE.control) {
        if (isAbortMarker(bytes, header, this)) aborting.delete(producerId)
      } else if (count > 0 && !(attributes & ATTRIBUTE.transactional && aborting.has(producerId))) {
        committed.push(header)
      }
    }
    return committed
  }

  #decode(fetched: QueuedBatches): Batch {
    const records: LogRecord[] = []
    let size = 0
    while (fetched.at < fetched.headers.length && records.length < MOST_RECORDS && size < MOST_BYTES) {
      const header = fetched.headers[fetched.at++] as BatchHeader
      size += decodeBatch(fetched.bytes, header, this.#from, records, this, this.#maxDecompressed)
      this.#from = Math.max(this.#from, header.next)
    }
    if (fetched.at >= fetched.headers.length) this.#from = Math.max(this.#from, fetched.next)
    return { records, next: this.#from, end: Math.max(this.#end ?? 0, this.#from) }
  }

  #corrupt(what: string): JoineryError {
    const { topic, partition, position: offset } = this
    const message = `${what} offset ${offset} of ${topic}[${partition}]`
    return new JoineryError('RECORDS_CORRUPT', message, { topic, partition, offset })
  }

  #wake(): void {
    this.#arrived?.()
    this.#arrived = undefined
  }
}

/** Copies a small part of a large response, which must not keep the other partitions' bytes in memory. */
function retained(response: Buffer, { from, to }: ByteRange): ByteRange & { readonly bytes: Buffer } {
  const size = to - from
  if (size * 2 >= response.length) return { bytes: response, from, to }
  const bytes = Buffer.allocUnsafeSlow(size)
  response.copy(bytes, 0, from, to)
  return { bytes, from: 0, to: size }
}
