import { gunzipSync } from 'node:zlib'
import { type ErrorCode, JoineryError, type LogRecord } from '@joinery/core'
import { crc32c } from './crc32c.js'
import { AT, ATTRIBUTE, CODECS, LENGTH_FROM } from './record-batch.js'

/** A batch within fetched bytes. */
export interface BatchHeader {
  readonly from: number
  readonly to: number
  readonly baseOffset: number
  /** The offset after the batch; compaction may have removed any of its records. */
  readonly next: number
  readonly attributes: number
  readonly count: number
}

/** The origin of fetched bytes, for errors. */
export interface Place {
  readonly topic: string
  readonly partition: number
}

/** The origin of batches, and their maximum size. */
export interface BatchSource extends Place {
  /** Bytes that one compressed batch may decompress to. */
  readonly maxDecompressedBytes: number
}

const NO_HEADERS: LogRecord['headers'] = []

/**
 * Reads the headers of the batches in fetched bytes, and verifies its checksum before it uses one: a wrong bit must not
 * turn records into a marker.
 *
 * @returns the headers, without that of an incomplete last batch
 * @throws JoineryError `RECORDS_CORRUPT`, with topic, partition and offset
 */
export function batchHeaders(bytes: Buffer, from: number, to: number, place: Place): BatchHeader[] {
  const headers: BatchHeader[] = []
  for (let at = from; at + AT.crc <= to; ) {
    const header = batchHeader(bytes, at, to, place)
    if (header === undefined) break
    headers.push(header)
    at = header.to
  }
  return headers
}

function batchHeader(bytes: Buffer, from: number, end: number, place: Place): BatchHeader | undefined {
  const baseOffset = int64(bytes, from + AT.baseOffset)
  const magic = bytes[from + AT.magic]
  if (magic !== 2) {
    const what = `record batch format ${magic} is not supported, only format 2 (Kafka 0.11 and later)`
    throw bad('RECORDS_CORRUPT', what, place, baseOffset)
  }
  const length = bytes.readInt32BE(from + AT.length)
  if (length < AT.records - LENGTH_FROM)
    throw bad('RECORDS_CORRUPT', `a record batch has the invalid length ${length}`, place, baseOffset)
  const to = from + LENGTH_FROM + length
  if (to > end) return undefined
  if (crc32c(bytes, from + AT.attributes, to) !== bytes.readUInt32BE(from + AT.crc))
    throw bad('RECORDS_CORRUPT', 'the checksum of a record batch does not match', place, baseOffset)
  const next = baseOffset + bytes.readInt32BE(from + AT.lastOffsetDelta) + 1
  if (baseOffset < 0 || next <= baseOffset || !Number.isSafeInteger(next))
    throw bad('RECORDS_CORRUPT', 'a record batch has invalid offsets', place, baseOffset)
  const count = bytes.readInt32BE(from + AT.count)
  if (count < 0) throw bad('RECORDS_CORRUPT', `a record batch has the invalid record count ${count}`, place, baseOffset)
  return {
    from,
    to,
    baseOffset,
    next,
    attributes: bytes.readInt16BE(from + AT.attributes),
    count,
  }
}

/** @returns the producer of a batch; -1 if it was written without one */
export const producerIdOf = (bytes: Buffer, { from }: BatchHeader): bigint => bytes.readBigInt64BE(from + AT.producerId)

/** @returns whether a control batch aborts its transaction */
export function isAbortMarker(bytes: Buffer, header: BatchHeader, place: Place): boolean {
  if (header.count === 0) return false // compaction keeps the last batch of a producer, without its marker
  const cursor = new Cursor(bytes, header.from + AT.records, header.to, place, header.baseOffset)
  cursor.varint()
  cursor.skip(1)
  cursor.varint()
  cursor.varint()
  const key = cursor.content()
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0
}

/**
 * Appends a batch's records at or after an offset to `into`. Their bytes are views of the fetched or decompressed ones.
 *
 * @returns how many bytes the records take, decompressed
 * @throws JoineryError `RECORDS_CORRUPT`, `CODEC_UNSUPPORTED`, each with topic, partition and offset
 */
export function decodeBatch(
  fetched: Buffer,
  header: BatchHeader,
  from: number,
  into: LogRecord[],
  source: BatchSource,
): number {
  const { baseOffset, attributes, count } = header
  const { topic, partition } = source
  const baseTimestamp = int64(fetched, header.from + AT.baseTimestamp)
  const appended = attributes & ATTRIBUTE.logAppendTime ? int64(fetched, header.from + AT.maxTimestamp) : undefined
  const codec = attributes & ATTRIBUTE.codec
  const stored = fetched.subarray(header.from + AT.records, header.to)
  const plain = codec === 0 ? stored : decompress(stored, codec, source, baseOffset)
  const cursor = new Cursor(plain, 0, plain.length, source, baseOffset)
  let lowest = baseOffset
  for (let i = 0; i < count; i++) {
    const end = cursor.varint() + cursor.at
    cursor.skip(1)
    const delta = cursor.varint()
    const timestamp = clamp(appended ?? baseTimestamp + delta)
    const offset = baseOffset + cursor.varint()
    const key = cursor.content()
    const value = cursor.content()
    const headers = cursor.headers()
    if (cursor.at !== end) throw cursor.corrupt('a record does not have its stated length')
    if (offset < lowest || offset >= header.next) throw cursor.corrupt(`a record has the invalid offset ${offset}`)
    lowest = offset + 1
    if (offset >= from) into.push({ topic, partition, offset, key, value, timestamp, headers })
  }
  if (cursor.at !== plain.length) throw cursor.corrupt('a record batch continues after its last record')
  return plain.length
}

function decompress(bytes: Buffer, codec: number, source: BatchSource, offset: number): Buffer {
  const name = CODECS[codec]
  if (name !== 'gzip') {
    throw bad(
      'CODEC_UNSUPPORTED',
      `a record batch is compressed with ${name ?? `codec ${codec}`}: Joinery reads gzip and uncompressed batches`,
      source,
      offset,
    )
  }
  try {
    return gunzipSync(bytes, { maxOutputLength: source.maxDecompressedBytes })
  } catch (cause) {
    throw bad(
      'RECORDS_CORRUPT',
      `a record batch does not decompress to at most ${source.maxDecompressedBytes} bytes`,
      source,
      offset,
      cause,
    )
  }
}

/** Reads a batch's records, and never beyond their end. */
class Cursor {
  at: number
  readonly #bytes: Buffer
  readonly #end: number
  readonly #place: Place
  readonly #offset: number

  constructor(bytes: Buffer, at: number, end: number, place: Place, offset: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
    this.#place = place
    this.#offset = offset
  }

  /** A zigzag varint of up to 64 bits, exact to 2^53. */
  varint(): number {
    const bytes = this.#bytes
    let byte = this.#next()
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1)
    const isNegative = (byte & 1) === 1
    let value = (byte & 127) >>> 1
    let scale = 64
    for (let length = 2; ; length++) {
      if (length > 10 || this.at >= this.#end) throw this.corrupt('a number in a record is truncated')
      byte = bytes[this.at++] as number
      value += (byte & 127) * scale
      if (byte < 128) break
      scale *= 128
    }
    return isNegative ? -value - 1 : value
  }

  content(): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    if (length < 0) throw this.corrupt(`a record has a field with a length of ${length}`)
    const from = this.at
    this.skip(length)
    return this.#bytes.subarray(from, from + length)
  }

  headers(): LogRecord['headers'] {
    const count = this.varint()
    if (count === 0) return NO_HEADERS
    if (count < 0 || count > this.#end - this.at) throw this.corrupt(`a record has the invalid header count ${count}`)
    const headers: [string, Uint8Array | null][] = []
    for (let i = 0; i < count; i++) {
      const name = this.content()
      if (name === null) throw this.corrupt('a header has no name')
      headers.push([name.toString(), this.content()])
    }
    return headers
  }

  skip(bytes: number): void {
    this.at += bytes
    if (!(this.at <= this.#end)) throw this.corrupt('a record is longer than its batch')
  }

  corrupt(what: string): JoineryError {
    return bad('RECORDS_CORRUPT', what, this.#place, this.#offset)
  }

  #next(): number {
    if (this.at >= this.#end) throw this.corrupt('a batch ends before its records do')
    return this.#bytes[this.at++] as number
  }
}

/** Limits timestamps to 2^53 - 1. */
function clamp(timestamp: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(timestamp, Number.MAX_SAFE_INTEGER))
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

function bad(
  code: ErrorCode,
  what: string,
  { topic, partition }: Place,
  offset: number,
  cause?: unknown,
): JoineryError {
  return new JoineryError(code, `${what}, in ${topic}[${partition}] at offset ${offset}`, {
    topic,
    partition,
    offset,
    cause,
  })
}
