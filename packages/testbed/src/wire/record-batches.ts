import { Cursor } from './cursor.js'

/** A record of a batch. */
export interface RawRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

/** A record batch as it is in the log: committed, aborted or undecided. */
export interface RawBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly producerId: number
  readonly epoch: number
  readonly isTransactional: boolean
  /** Set if the batch contains a marker instead of records. */
  readonly marker: 'commit' | 'abort' | undefined
  readonly records: readonly RawRecord[]
}

const MAGIC = 2
/** The size of the header up to and including the length. */
const PREFIX = 12
const CODEC = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/**
 * Decodes all complete batches of a Fetch response. Written from Kafka's description of the format, not from Joinery's decoder,
 * because a checker must not share the mistakes of the code under test. Batches must not be compressed.
 */
export function readBatches(bytes: Buffer): RawBatch[] {
  const batches: RawBatch[] = []
  const cursor = new Cursor(bytes)
  while (cursor.left > PREFIX) {
    const baseOffset = cursor.int64()
    const length = cursor.int32()
    if (length > cursor.left) break // truncated; the next fetch returns it completely
    batches.push(readBatch(baseOffset, cursor.bytes(length)))
  }
  return batches
}

function readBatch(baseOffset: number, bytes: Buffer): RawBatch {
  const cursor = new Cursor(bytes, 4)
  const magic = cursor.int8()
  if (magic !== MAGIC) throw new Error(`a batch at ${baseOffset} has format ${magic}`)
  cursor.int32()
  const attributes = cursor.int16()
  if ((attributes & CODEC) !== 0) throw new Error(`the batch at ${baseOffset} is compressed`)
  const lastOffset = baseOffset + cursor.int32()
  const baseTimestamp = cursor.int64()
  const maxTimestamp = cursor.int64()
  const producerId = cursor.int64()
  const epoch = cursor.int16()
  cursor.int32()
  const records = cursor.array(() => {
    const record = new Cursor(cursor.bytes(cursor.varint()))
    record.int8()
    const timestamp = baseTimestamp + record.varint()
    const offset = baseOffset + record.varint()
    const key = record.varBytes()
    const value = record.varBytes()
    const headers = Array.from(
      { length: record.varint() },
      () => [(record.varBytes() ?? Buffer.alloc(0)).toString(), record.varBytes()] as const,
    )
    return { offset, timestamp: (attributes & LOG_APPEND_TIME) === 0 ? timestamp : maxTimestamp, key, value, headers }
  })
  const isControl = (attributes & CONTROL) !== 0
  return {
    baseOffset,
    lastOffset,
    producerId,
    epoch,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    marker: isControl ? (records[0]?.key?.readInt16BE(2) === 1 ? 'commit' : 'abort') : undefined,
    records: isControl ? [] : records,
  }
}
