import type { LogRecord } from '@joinery/core'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { marker, rawBatch } from '../protocol/record-batch/raw-batch.js'

/** A batch or a marker in a partition. */
export interface LogEntry {
  readonly baseOffset: number
  /** The offset after it. */
  readonly next: number
  readonly producerId: bigint
  readonly isTransactional: boolean
  /** How a transaction ended, if it is a marker. */
  readonly marker?: 'abort' | 'commit'
  readonly bytes: Buffer
}

const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** One partition, as its leader has it: batches and markers, each with its offset. */
export class ScriptedLog {
  #entries: LogEntry[] = []
  #end = 0

  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  /** The offset of the next batch. */
  get end(): number {
    return this.#end
  }

  /** The first offset of a transaction that has not ended; the end if there is none. */
  get lastStable(): number {
    const open = new Map<bigint, number>()
    for (const { producerId, isTransactional, marker, baseOffset } of this.#entries) {
      if (marker !== undefined) open.delete(producerId)
      else if (isTransactional && !open.has(producerId)) open.set(producerId, baseOffset)
    }
    return Math.min(this.#end, ...open.values())
  }

  /** The records of transactions that were committed, and of none. */
  get committed(): readonly LogRecord[] {
    const open = new Map<bigint, LogEntry[]>()
    const committed: LogEntry[] = []
    for (const entry of this.#entries) {
      const { producerId, isTransactional, marker } = entry
      if (marker === 'commit') committed.push(...(open.get(producerId) ?? []))
      if (marker !== undefined) open.delete(producerId)
      else if (isTransactional) open.set(producerId, [...(open.get(producerId) ?? []), entry])
      else committed.push(entry)
    }
    return committed.sort((a, b) => a.baseOffset - b.baseOffset).flatMap(({ bytes }) => decodeAll(bytes))
  }

  /** @returns the offset of the first record */
  append(sent: Buffer): number {
    const bytes = Buffer.from(sent)
    const baseOffset = this.#end
    bytes.writeBigInt64BE(BigInt(baseOffset), 0)
    const isTransactional = (bytes.readInt16BE(21) & TRANSACTIONAL) !== 0
    const next = baseOffset + bytes.readInt32BE(23) + 1
    this.#add({ baseOffset, next, producerId: bytes.readBigInt64BE(43), isTransactional, bytes })
    return baseOffset
  }

  /** Appends the marker of a transaction. */
  mark(producerId: bigint, type: 'abort' | 'commit'): void {
    const baseOffset = this.#end
    const bytes = rawBatch({
      baseOffset: BigInt(baseOffset),
      attributes: TRANSACTIONAL | CONTROL,
      producerId,
      records: [marker(type)],
    })
    this.#add({ baseOffset, next: baseOffset + 1, producerId, isTransactional: true, marker: type, bytes })
  }

  /** Loses what lies at an offset and behind it. */
  truncate(offset: number): void {
    this.#entries = this.#entries.filter(({ baseOffset }) => baseOffset < offset)
    this.#end = offset
  }

  /** Removes a batch: its offsets stay. */
  compact(offset: number): void {
    this.#entries = this.#entries.filter(({ baseOffset }) => baseOffset !== offset)
  }

  /** The batches from the one with an offset on: those that fit into some bytes, at least one. */
  fetch(offset: number, maxBytes: number): Buffer {
    const fetched: Buffer[] = []
    let size = 0
    for (const { next, bytes } of this.#entries) {
      if (next <= offset) continue
      size += bytes.length
      if (fetched.length > 0 && size > maxBytes) break
      fetched.push(bytes)
    }
    return Buffer.concat(fetched)
  }

  #add(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#end = entry.next
  }
}
