import { gzipSync } from 'node:zlib'
import type { Headers } from '@joinery/core'
import { crc32c } from './crc32c.js'
import { AT, ATTRIBUTE, LENGTH_FROM } from './record-batch.js'

/** The producer of a batch, and the batch's place in its sequence. */
export interface ProducerState {
  readonly producerId: bigint
  readonly epoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
}

const MAX_RECORD_OVERHEAD = 40
const FIRST_BYTES = 16_384
const MAX_CACHED_NAMES = 100
/** Up to this length, bytes are copied faster one by one. */
const SHORT = 24
/** The factor by which the buffer of a batch grows when it is full. */
const GROWTH = 4
const GZIP = 1

/** Builds one record batch in the buffer that it is sent from. */
export class RecordBatchBuilder {
  #bytes: Buffer
  #at: number = AT.records
  readonly #names = new Map<string, Uint8Array>()
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0

  /** @param buffer is filled first; a larger one replaces it when it is full */
  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)) {
    this.#bytes = buffer
  }

  /** The buffer that holds the batch. */
  get buffer(): Buffer {
    return this.#bytes
  }

  get count(): number {
    return this.#count
  }

  /** Bytes of the batch so far, uncompressed. */
  get size(): number {
    return this.#at
  }

  add(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: Headers): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const delta = zigzag(timestamp - this.#baseTimestamp)
    const count = this.#count++
    let headersSize = varintSize(headers.length * 2)
    for (const [name, content] of headers) headersSize += bytesSize(this.#name(name)) + bytesSize(content)
    const body = 1 + varintSize(delta) + varintSize(count * 2) + bytesSize(key) + bytesSize(value) + headersSize
    this.#need(body + MAX_RECORD_OVERHEAD)
    this.#varint(body * 2)
    this.#bytes[this.#at++] = 0
    this.#varint(delta)
    this.#varint(count * 2)
    this.#content(key)
    this.#content(value)
    this.#varint(headers.length * 2)
    for (const [name, content] of headers) {
      this.#content(this.#name(name))
      this.#content(content)
    }
  }

  /** Adds the records of another batch, which is not changed. */
  append(other: RecordBatchBuilder): void {
    if (other.#count === 0) return
    if (this.#count === 0) {
      this.#baseTimestamp = other.#baseTimestamp
      this.#maxTimestamp = other.#maxTimestamp
    } else this.#maxTimestamp = Math.max(this.#maxTimestamp, other.#maxTimestamp)
    const later = other.#baseTimestamp - this.#baseTimestamp
    const records = new VarintReader(other.#bytes, AT.records)
    while (records.at < other.#at) {
      const end = records.signed() + records.at
      records.at++ // attributes
      const delta = zigzag(records.signed() + later)
      records.signed() // the offset changes, what follows does not
      const count = this.#count++
      const rest = other.#bytes.subarray(records.at, end)
      const body = 1 + varintSize(delta) + varintSize(count * 2) + rest.length
      this.#need(body + MAX_RECORD_OVERHEAD)
      this.#varint(body * 2)
      this.#bytes[this.#at++] = 0
      this.#varint(delta)
      this.#varint(count * 2)
      this.#bytes.set(rest, this.#at)
      this.#at += rest.length
      records.at = end
    }
  }

  /** Names repeat: their bytes are cached. */
  #name(name: string): Uint8Array {
    let bytes = this.#names.get(name)
    if (bytes === undefined) {
      bytes = Buffer.from(name)
      if (this.#names.size < MAX_CACHED_NAMES) this.#names.set(name, bytes)
    }
    return bytes
  }

  /**
   * Completes the batch, for one producer or, called again, for another. Nothing can be added afterwards.
   *
   * @returns its bytes
   */
  close({ producerId, epoch, baseSequence, isTransactional }: ProducerState, codec: 'none' | 'gzip' = 'none'): Buffer {
    const plain = this.#bytes.subarray(0, this.#at)
    const packed = codec === 'gzip' ? gzipSync(plain.subarray(AT.records)) : undefined
    // a batch that compression does not shrink stays uncompressed: a larger one might be too large for its topic
    const isPacked = packed !== undefined && AT.records + packed.length < plain.length
    const bytes = isPacked ? Buffer.concat([plain.subarray(0, AT.records), packed]) : plain
    bytes.fill(0, 0, AT.length)
    bytes.writeInt32BE(bytes.length - LENGTH_FROM, AT.length)
    bytes.writeInt32BE(-1, AT.leaderEpoch)
    bytes[AT.magic] = 2
    bytes.writeInt16BE((isTransactional ? ATTRIBUTE.transactional : 0) | (isPacked ? GZIP : 0), AT.attributes)
    bytes.writeInt32BE(this.#count - 1, AT.lastOffsetDelta)
    bytes.writeBigInt64BE(BigInt(this.#baseTimestamp), AT.baseTimestamp)
    bytes.writeBigInt64BE(BigInt(this.#maxTimestamp), AT.maxTimestamp)
    bytes.writeBigInt64BE(producerId, AT.producerId)
    bytes.writeInt16BE(epoch, AT.producerEpoch)
    bytes.writeInt32BE(baseSequence, AT.baseSequence)
    bytes.writeInt32BE(this.#count, AT.count)
    bytes.writeUInt32BE(crc32c(bytes, AT.attributes, bytes.length), AT.crc)
    return bytes
  }

  #content(content: Uint8Array | null): void {
    if (content === null) {
      this.#bytes[this.#at++] = 1
      return
    }
    const { length } = content
    this.#varint(length * 2)
    if (length > SHORT) this.#bytes.set(content, this.#at)
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = content[i] as number
    this.#at += length
  }

  /** An unsigned varint; beyond 32 bits too. */
  #varint(value: number): void {
    const bytes = this.#bytes
    if (value < 128) {
      bytes[this.#at++] = value
      return
    }
    let rest = value
    while (rest > 0x7fff_ffff) {
      bytes[this.#at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      bytes[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    bytes[this.#at++] = rest
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * GROWTH, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Reads the numbers of a batch that was built here. */
class VarintReader {
  at: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  /** A zigzag varint, exact to 2^53. */
  signed(): number {
    let value = 0
    let scale = 1
    let byte: number
    do {
      byte = this.#bytes[this.at++] as number
      value += (byte & 127) * scale
      scale *= 128
    } while (byte > 127)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}

const zigzag = (value: number): number => (value >= 0 ? value * 2 : -value * 2 - 1)

function varintSize(value: number): number {
  if (value < 128) return 1
  if (value < 16_384) return 2
  let size = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++
  return size
}

const bytesSize = (content: Uint8Array | null): number =>
  content === null ? 1 : varintSize(content.length * 2) + content.length
