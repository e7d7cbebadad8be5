import type { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'
import type { Primitive, PrimitiveValues } from './schema.js'

/** Reads and writes values of one type. */
export interface Codec<Out, In = Out> {
  read(reader: ResponseReader): Out
  write(writer: RequestWriter, value: In): void
}

type Codecs = { readonly [T in Primitive]: Codec<PrimitiveValues[T]> }

const EMPTY = Buffer.alloc(0)

/** The primitive types in versions that are not flexible. */
export const PLAIN: Codecs = {
  bool: { read: (reader) => reader.bool(), write: (writer, value) => writer.bool(value) },
  int8: { read: (reader) => reader.int8(), write: (writer, value) => writer.int8(value) },
  int16: { read: (reader) => reader.int16(), write: (writer, value) => writer.int16(value) },
  int32: { read: (reader) => reader.int32(), write: (writer, value) => writer.int32(value) },
  int64: { read: (reader) => reader.int64(), write: (writer, value) => writer.int64(value) },
  bigint64: { read: (reader) => reader.bigint64(), write: (writer, value) => writer.bigint64(value) },
  uuid: { read: (reader) => reader.uuid(), write: (writer, value) => writer.uuid(value) },
  string: { read: (reader) => reader.string() ?? '', write: (writer, value) => writer.string(value) },
  nullableString: { read: (reader) => reader.string(), write: (writer, value) => writer.string(value) },
  bytes: { read: (reader) => reader.bytes32() ?? EMPTY, write: (writer, value) => writer.bytes32(value) },
  nullableBytes: { read: (reader) => reader.bytes32(), write: (writer, value) => writer.bytes32(value) },
}

/** The primitive types in flexible versions (KIP-482). */
export const COMPACT: Codecs = {
  ...PLAIN,
  string: { read: (reader) => reader.compactString() ?? '', write: (writer, value) => writer.compactString(value) },
  nullableString: { read: (reader) => reader.compactString(), write: (writer, value) => writer.compactString(value) },
  bytes: { read: (reader) => reader.compactBytes() ?? EMPTY, write: (writer, value) => writer.compactBytes(value) },
  nullableBytes: { read: (reader) => reader.compactBytes(), write: (writer, value) => writer.compactBytes(value) },
}

/** The values of fields that a version lacks. */
export const ZERO: PrimitiveValues = {
  bool: false,
  int8: 0,
  int16: 0,
  int32: 0,
  int64: 0,
  bigint64: 0n,
  uuid: '0'.repeat(32),
  string: '',
  nullableString: null,
  bytes: EMPTY,
  nullableBytes: null,
}
