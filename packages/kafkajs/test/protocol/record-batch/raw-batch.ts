import type { Headers } from '@joinery/core'

/** The fields of a batch, which are encoded whether they are valid or not. */
export interface RawBatch {
  readonly baseOffset?: bigint
  readonly lastOffsetDelta?: number
  readonly attributes?: number
  readonly baseTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly producerId?: bigint
  readonly leaderEpoch?: number
  readonly magic?: number
  readonly count?: number
  /** The bytes after the header; default: its records. */
  readonly body?: Uint8Array
  readonly records?: readonly Uint8Array[]
  readonly crc?: number
}

/** A record batch byte by byte, after Kafka's documentation of the format and independent of the library's encoder. */
export function rawBatch({
  records = [],
  baseOffset = 0n,
  lastOffsetDelta = Math.max(0, records.length - 1),
  attributes = 0,
  baseTimestamp = 0n,
  maxTimestamp = baseTimestamp,
  producerId = -1n,
  leaderEpoch = -1,
  magic = 2,
  count = records.length,
  body = Buffer.concat(records),
  crc,
}: RawBatch): Buffer {
  const bytes = Buffer.alloc(61 + body.length)
  bytes.writeBigInt64BE(baseOffset, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt32BE(leaderEpoch, 12)
  bytes.writeInt8(magic, 16)
  bytes.writeInt16BE(attributes, 21)
  bytes.writeInt32BE(lastOffsetDelta, 23)
  bytes.writeBigInt64BE(baseTimestamp, 27)
  bytes.writeBigInt64BE(maxTimestamp, 35)
  bytes.writeBigInt64BE(producerId, 43)
  bytes.writeInt16BE(0, 51)
  bytes.writeInt32BE(0, 53)
  bytes.writeInt32BE(count, 57)
  bytes.set(body, 61)
  bytes.writeUInt32BE(crc ?? slowCrc32c(bytes.subarray(21)), 17)
  return bytes
}

/** The fields of a record; a given length replaces the actual one. */
export interface RawRecord {
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: Headers
  readonly timestampDelta?: bigint
  readonly offsetDelta?: number
  readonly length?: bigint
  readonly keyLength?: bigint
  readonly headerCount?: bigint
  readonly headerNameLength?: bigint
}

export function rawRecord({
  key = null,
  value = null,
  headers = [],
  timestampDelta = 0n,
  offsetDelta = 0,
  length,
  keyLength,
  headerCount = BigInt(headers.length),
  headerNameLength,
}: RawRecord): Buffer {
  const content = (bytes: Uint8Array | null, told?: bigint) =>
    Buffer.concat([varint(told ?? (bytes === null ? -1n : BigInt(bytes.length))), bytes ?? Buffer.alloc(0)])
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(timestampDelta),
    varint(BigInt(offsetDelta)),
    content(key, keyLength),
    content(value),
    varint(headerCount),
    ...headers.flatMap(([name, value]) => [content(Buffer.from(name), headerNameLength), content(value)]),
  ])
  return Buffer.concat([varint(length ?? BigInt(body.length)), body])
}

/** The record of a transaction's end: version 0, type 0 (abort) or 1 (commit). */
export const marker = (type: 'abort' | 'commit'): Buffer =>
  rawRecord({ key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]), value: Buffer.alloc(6) })

/** A zigzag varint. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

/** CRC-32C bit by bit, as RFC 3720 defines it. */
export function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
