import type { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** One version of an API. */
export interface ApiVersion {
  readonly number: number
  /** Whether strings and arrays have the compact form, and structures end with tagged fields (KIP-482). */
  readonly isFlexible: boolean
}

/** Reads and writes values in one version of an API. */
export interface Codec<Out, In = Out> {
  read(reader: ResponseReader): Out
  write(writer: RequestWriter, value: In): void
}

/** A type of Kafka's protocol. */
export interface Type<Out, In = Out> {
  /** The value of a field that a version does not have, unless the field names another. */
  readonly zero: Out
  codec(version: ApiVersion): Codec<Out, In>
}

/** Which versions have a field, and its value in the others, in the words of Kafka's message definitions. */
export interface FieldOptions<T> {
  /** The first version with the field; default 0. */
  readonly from?: number
  /** The last version with the field; default: all later ones. */
  readonly to?: number
  /** The tag of a tagged field. */
  readonly tag?: number
  /** The value where a version lacks the field, or a request leaves it out. */
  readonly default?: T
}

/** A field of a structure. */
export interface Field<Out = unknown, In = Out, O = object> {
  readonly type: Type<Out, In>
  readonly options: O & FieldOptions<In>
}

/** The fields of a structure, in the order of the protocol. */
export type Fields = Readonly<Record<string, Field>>

/** A structure as it is read: every field has a value. */
export type Decoded<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer Out> ? Out : never }

type HasDefault<F> = F extends { readonly options: { readonly default: unknown } } ? true : false
type InputOf<F> = F extends { readonly type: Type<infer _Out, infer In> } ? In : never

/** A structure as it is written: fields with a default may be left out. */
export type Encodable<F extends Fields> = {
  readonly [K in keyof F as HasDefault<F[K]> extends true ? never : K]: InputOf<F[K]>
} & {
  readonly [K in keyof F as HasDefault<F[K]> extends true ? K : never]?: InputOf<F[K]>
}
