import type { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'
import type { Codec, Decoded, Encodable, Field, FieldOptions, Fields, Type } from './schema.js'
import { structCodec, zeroOf } from './struct-codec.js'

// The types of Kafka's protocol, as functions that declare a field: https://kafka.apache.org/protocol#protocol_types

type Declare<Out, In = Out> = <const O extends FieldOptions<In> = Record<never, never>>(
  options?: O,
) => Field<Out, In, O>

const declare =
  <Out, In = Out>(type: Type<Out, In>): Declare<Out, In> =>
  (options) =>
    ({ type, options: options ?? {} }) as Field<Out, In, never>

/** A type that is written alike in all versions. */
const fixed = <T>(
  zero: T,
  read: (reader: ResponseReader) => T,
  write: (writer: RequestWriter, value: T) => void,
): Declare<T> => declare({ zero, codec: () => ({ read, write }) })

/** A type with a compact form in flexible versions. */
const compactable = <T>(zero: T, plain: Codec<T>, compact: Codec<T>): Declare<T> =>
  declare({ zero, codec: ({ isFlexible }) => (isFlexible ? compact : plain) })

export const bool = fixed(
  false,
  (reader) => reader.bool(),
  (writer, value) => writer.bool(value),
)
export const int8 = fixed(
  0,
  (reader) => reader.int8(),
  (writer, value) => writer.int8(value),
)
export const int16 = fixed(
  0,
  (reader) => reader.int16(),
  (writer, value) => writer.int16(value),
)
export const int32 = fixed(
  0,
  (reader) => reader.int32(),
  (writer, value) => writer.int32(value),
)
/** An integer of 64 bits whose values are safe integers, such as an offset or a timestamp. */
export const int64 = fixed(
  0,
  (reader) => reader.int64(),
  (writer, value) => writer.int64(value),
)
/** An integer of 64 bits of which all are used, such as a producer id. */
export const bigint64 = fixed(
  0n,
  (reader) => reader.bigint64(),
  (writer, value) => writer.bigint64(value),
)
/** 32 hexadecimal digits. */
export const uuid = fixed(
  '0'.repeat(32),
  (reader) => reader.uuid(),
  (writer, value) => writer.uuid(value),
)

export const string = compactable<string>(
  '',
  { read: (reader) => reader.string() ?? '', write: (writer, value) => writer.string(value) },
  { read: (reader) => reader.compactString() ?? '', write: (writer, value) => writer.compactString(value) },
)
export const nullableString = compactable<string | null>(
  null,
  { read: (reader) => reader.string(), write: (writer, value) => writer.string(value) },
  { read: (reader) => reader.compactString(), write: (writer, value) => writer.compactString(value) },
)
/** Bytes that are neither copied when they are read nor when they are written. */
export const bytes = compactable<Uint8Array>(
  new Uint8Array(),
  { read: (reader) => reader.slice(reader.int32()), write: (writer, value) => writer.int32(value.length).part(value) },
  {
    read: (reader) => reader.slice(reader.uvarint() - 1),
    write: (writer, value) => writer.uvarint(value.length + 1).part(value),
  },
)

/** A structure, such as the items of an array or the value of a tagged field. */
export const struct = <F extends Fields>(fields: F): Field<Decoded<F>, Encodable<F>> => ({
  type: { zero: zeroOf(fields), codec: (version) => structCodec(fields, version) },
  options: {},
})

const items = <Out, In>({ type }: Field<Out, In>): Type<Out[] | null, readonly In[] | null> => ({
  zero: null,
  codec(version) {
    const { read, write } = type.codec(version)
    return version.isFlexible
      ? {
          read: (reader) => reader.compactArray(() => read(reader)),
          write: (writer, values) => writer.compactArray(values, (value) => write(writer, value)),
        }
      : {
          read: (reader) => reader.array(() => read(reader)),
          write: (writer, values) => writer.array(values, (value) => write(writer, value)),
        }
  },
})

export const nullableArray = <Out, In, const O extends FieldOptions<readonly In[] | null> = Record<never, never>>(
  of: Field<Out, In>,
  options?: O,
): Field<readonly Out[] | null, readonly In[] | null, O> =>
  declare<readonly Out[] | null, readonly In[] | null>(items(of))(options)

export const array = <Out, In, const O extends FieldOptions<readonly In[]> = Record<never, never>>(
  of: Field<Out, In>,
  options?: O,
): Field<readonly Out[], readonly In[], O> => {
  const type: Type<readonly Out[], readonly In[]> = {
    zero: [],
    codec(version) {
      const { read, write } = items(of).codec(version)
      return { read: (reader) => read(reader) ?? [], write }
    },
  }
  return declare(type)(options)
}
