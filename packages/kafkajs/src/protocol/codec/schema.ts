// How the APIs of Kafka's protocol are described: as data, in the words of Kafka's own message definitions
// (clients/src/main/resources/common/message in apache/kafka).

/** The values of the primitive types (https://kafka.apache.org/protocol#protocol_types). */
export interface PrimitiveValues {
  readonly bool: boolean
  readonly int8: number
  readonly int16: number
  readonly int32: number
  /** An integer of 64 bits whose values are safe integers, such as an offset or a timestamp. */
  readonly int64: number
  /** An integer of 64 bits of which all are used, such as a producer id. */
  readonly bigint64: bigint
  /** 32 hexadecimal digits. */
  readonly uuid: string
  readonly string: string
  readonly nullableString: string | null
  /** Bytes are not copied, neither when they are read nor when they are written. */
  readonly bytes: Buffer
  readonly nullableBytes: Buffer | null
}

export type Primitive = keyof PrimitiveValues

/** Which versions have a field, and its value in the others. */
export interface FieldOptions {
  /** The first version with the field; default: the first of the API. */
  readonly from?: number
  /** The last version with the field; default: the last of the API. */
  readonly to?: number
  /** The tag of a tagged field. */
  readonly tag?: number
  /** The value where a version lacks the field, or a writer leaves it out; default: 0, empty or `null`. */
  readonly default?: unknown
}

/** A type: primitive, or that of the items of an array, or a structure. */
export type Type =
  | { readonly type: Primitive }
  | { readonly array: Primitive | Fields }
  | { readonly nullableArray: Primitive | Fields }
  | { readonly struct: Fields }

/** A field of a structure. The name of a primitive type alone is a field of all versions. */
export type Field = Primitive | (FieldOptions & Type)

/** The fields of a structure, in the order of the protocol. */
export interface Fields {
  readonly [name: string]: Field
}

type ItemRead<T> = T extends Primitive ? PrimitiveValues[T] : Decoded<T>
type ItemWritten<T> = T extends Primitive ? PrimitiveValues[T] : Encodable<T>

/** A structure as it is read: every field has a value. */
export type Decoded<F> = {
  readonly [K in keyof F]: F[K] extends { readonly array: infer T }
    ? readonly ItemRead<T>[]
    : F[K] extends { readonly nullableArray: infer T }
      ? readonly ItemRead<T>[] | null
      : F[K] extends { readonly struct: infer T }
        ? Decoded<T>
        : F[K] extends { readonly type: infer T }
          ? ItemRead<T>
          : ItemRead<F[K]>
}

type Written<F> = F extends { readonly array: infer T }
  ? readonly ItemWritten<T>[]
  : F extends { readonly nullableArray: infer T }
    ? readonly ItemWritten<T>[] | null
    : F extends { readonly struct: infer T }
      ? Encodable<T>
      : F extends { readonly type: infer T }
        ? ItemWritten<T>
        : ItemWritten<F>

/** Fields that some versions lack, or that have a default. */
type Optional =
  | { readonly from: number }
  | { readonly to: number }
  | { readonly tag: number }
  | { readonly default: unknown }

/** A structure as it is written: fields with a default, and those that some versions lack, may be left out. */
export type Encodable<F> = {
  readonly [K in keyof F as F[K] extends Optional ? never : K]: Written<F[K]>
} & {
  readonly [K in keyof F as F[K] extends Optional ? K : never]?: Written<F[K]>
}
