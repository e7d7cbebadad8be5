import { JoineryError, type LogRecord } from '@joinery/core'
import type { Batch, FetchedEnds, ReadPosition } from '@joinery/core/log'
import { partitionName } from '../connection/partition-name.js'
import type { ResponseOf } from '../protocol/api.js'
import type { FETCH } from '../protocol/fetch.js'
import { AT, ATTRIBUTE } from '../protocol/record-batch/record-batch.js'
import {
  type BatchHeader,
  batchHeaders,
  decodeBatch,
  isAbortMarker,
  producerIdOf,
} from '../protocol/record-batch/record-batch-decoder.js'

/** The records, and their bytes, that are decoded at most before other partitions get their turn. */
const MAX_RECORDS = 200
const MAX_BYTES = 2 ** 20
const MAX_FETCH_SIZE_FACTOR = 64
const NOTHING = Buffer.alloc(0)

/** A partition in a Fetch response. */
export type FetchedPartition = ResponseOf<typeof FETCH>['responses'][number]['partitions'][number]

/** The fields of a partition in a Fetch response that are used. */
export type Fetched = Pick<FetchedPartition, 'records' | 'abortedTransactions' | 'lastStableOffset' | 'highWatermark'>

type AbortedTransactions = NonNullable<Fetched['abortedTransactions']>

/** Fetched batches of committed records, not yet decoded. */
interface QueuedBatches {
  readonly bytes: Buffer
  readonly headers: readonly BatchHeader[]
  readonly size: number
  readonly next: number
  /** The epoch of the last batch, which may be one of those that were left out. */
  readonly leaderEpoch: number | undefined
  at: number
}

/** One partition that is being read: where to fetch next, and what was fetched ahead. */
export class PartitionReader {
  readonly topic: string
  readonly partition: number
  /** `<topic>[<partition>]` */
  readonly name: string
  /** Bytes that a compressed batch may decompress to. */
  readonly maxDecompressedBytes: number
  /** The offset to fetch next. */
  position: number
  /** The leader epoch of the last batch before the position, markers and aborted batches included; `undefined`: not known. */
  leaderEpoch: number | undefined
  /**
   * Whether a broker's log does not hold what was read up to the position. That counts once the current leader has confirmed
   * it, in response to a request with its epoch: a former leader lacks what was written since.
   */
  isSuspect = false
  /** After a failure: when to fetch again, in monotonic milliseconds. */
  retryAt = 0
  /** The preferred read replica to fetch from instead of the leader, and until when, in monotonic milliseconds (KIP-392). */
  preferredReplica: { readonly node: number; readonly until: number } | undefined
  /** Until when requests to the leader do not name the rack, in monotonic milliseconds: a replica has failed. */
  leaderOnlyUntil: number | undefined
  /** Whether the last fetch has failed. */
  isRetrying = false
  /** Multiplies the bytes to request, because a batch was larger. */
  fetchSizeFactor = 1
  readonly #maxBytes: number
  readonly #queue: QueuedBatches[] = []
  /** The offset of the next record to return; its batch may begin earlier. */
  #from: number
  /** The leader epoch of what comes before it. */
  #fromEpoch: number | undefined
  #bytes = 0
  #end: number | undefined
  #highWatermark = 0
  #reportedEnd = -1
  #error: unknown
  #arrived: (() => void) | undefined
  isClosed = false

  /** @param limits the bytes to fetch ahead, and the bytes that a compressed batch may decompress to */
  constructor(from: ReadPosition, limits: { readonly prefetchBytes: number; readonly maxDecompressedBytes: number }) {
    this.topic = from.topic
    this.partition = from.partition
    this.name = partitionName(from)
    this.position = from.offset
    this.leaderEpoch = from.leaderEpoch
    this.#from = from.offset
    this.#fromEpoch = from.leaderEpoch
    this.#maxBytes = limits.prefetchBytes
    this.maxDecompressedBytes = limits.maxDecompressedBytes
  }

  /** Whether more may be fetched. */
  get hasRoom(): boolean {
    return !this.isClosed && this.#error === undefined && this.#bytes < this.#maxBytes
  }

  /** Bytes that were fetched ahead. */
  get bytes(): number {
    return this.#bytes
  }

  /** The ends of the partition in the last response; `undefined` before the first one. */
  get ends(): FetchedEnds | undefined {
    return this.#end === undefined ? undefined : { lastStableOffset: this.#end, highWatermark: this.#highWatermark }
  }

  /**
   * Adds fetched batches, without markers and aborted batches. Every response lists all aborted transactions with records
   * in it, so that no state is kept between responses: compaction may have removed the marker that ends one.
   *
   * @throws JoineryError `RECORDS_CORRUPT`
   */
  addFetched({ records, abortedTransactions, lastStableOffset, highWatermark }: Fetched): void {
    const bytes = retained(records ?? NOTHING)
    const size = bytes.length
    const all = batchHeaders(bytes, 0, size, this)
    this.#end = lastStableOffset
    this.#highWatermark = highWatermark
    if (all.length > 0) {
      const before = this.position
      const headers = this.#committed(bytes, all, abortedTransactions ?? [])
      if (this.position === before) throw this.#corrupt('the broker returned only batches that end before')
      this.fetchSizeFactor = 1
      this.#bytes += size
      this.#queue.push({ bytes, headers, size, next: this.position, leaderEpoch: this.leaderEpoch, at: 0 })
    } else if (size > 0) {
      if (this.fetchSizeFactor === MAX_FETCH_SIZE_FACTOR)
        throw this.#corrupt(`the broker returned ${size} bytes that contain no complete record batch at`)
      this.fetchSizeFactor *= 2
    }
    this.#wake()
  }

  /** Makes {@link next} throw once it has returned everything that was fetched before. */
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

  /**
   * @param madeRoom is called when there is room for another fetch
   * @returns the next records; none if only the end has moved; `undefined` once it is closed
   */
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
        this.#reportedEnd = batch.end
        return batch
      }
      if (this.#error !== undefined) throw this.#error
      if (this.#end !== undefined && this.#end !== this.#reportedEnd) {
        this.#reportedEnd = this.#end
        return { records: [], next: this.#from, leaderEpoch: this.#fromEpoch, end: this.#end }
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve
      })
    }
  }

  /** @returns the batches with committed records; the position advances past all batches */
  #committed(bytes: Buffer, all: readonly BatchHeader[], aborted: AbortedTransactions): BatchHeader[] {
    const pending = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    const aborting = new Set<bigint>()
    const committed: BatchHeader[] = []
    for (const header of all) {
      if (header.next <= this.position) continue
      this.position = header.next
      this.leaderEpoch = leaderEpochOf(bytes, header)
      while (pending[0] !== undefined && pending[0].firstOffset < header.next)
        aborting.add((pending.shift() as AbortedTransactions[number]).producerId)
      const { attributes, count } = header
      const isAborting = aborting.size > 0 && aborting.has(producerIdOf(bytes, header))
      if (attributes & ATTRIBUTE.control) {
        if (isAborting && isAbortMarker(bytes, header, this)) aborting.delete(producerIdOf(bytes, header))
      } else if (count > 0 && !(isAborting && attributes & ATTRIBUTE.transactional)) committed.push(header)
    }
    return committed
  }

  #decode(fetched: QueuedBatches): Batch {
    const records: LogRecord[] = []
    let size = 0
    while (fetched.at < fetched.headers.length && records.length < MAX_RECORDS && size < MAX_BYTES) {
      const header = fetched.headers[fetched.at++] as BatchHeader
      size += decodeBatch(fetched.bytes, header, this.#from, records, this)
      this.#fromEpoch = leaderEpochOf(fetched.bytes, header)
      this.#from = Math.max(this.#from, header.next)
    }
    if (fetched.at >= fetched.headers.length) {
      this.#from = Math.max(this.#from, fetched.next)
      this.#fromEpoch = fetched.leaderEpoch
    }
    return { records, next: this.#from, leaderEpoch: this.#fromEpoch, end: Math.max(this.#end ?? 0, this.#from) }
  }

  #corrupt(what: string): JoineryError {
    const { topic, partition, name, position: offset } = this
    const message = `${what} offset ${offset} of ${name}`
    return new JoineryError('RECORDS_CORRUPT', message, { topic, partition, offset })
  }

  #wake(): void {
    this.#arrived?.()
    this.#arrived = undefined
  }
}

/** @returns the epoch of the leader that appended a batch; `undefined` if it is not known */
function leaderEpochOf(bytes: Buffer, { from }: BatchHeader): number | undefined {
  const epoch = bytes.readInt32BE(from + AT.leaderEpoch)
  return epoch < 0 ? undefined : epoch
}

/** Copies a small part of a large response, which must not keep the other partitions' bytes in memory. */
function retained(records: Buffer): Buffer {
  if (records.length * 2 >= records.buffer.byteLength) return records
  const bytes = Buffer.allocUnsafeSlow(records.length)
  records.copy(bytes)
  return bytes
}
