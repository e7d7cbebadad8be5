/**
 * A part of the parameter of a function that accepts decoders: refuses those whose `decode` returns a promise, also
 * `Promise<any>`, because records are decoded synchronously. `T`: all types that they decode to.
 */
// `1 & T` is true for any; two-element tuples let the compiler resolve it for an unknown `T`, as in generic functions
export type Synchronous<T> = (
  [0, 0] extends [1 & T, 0]
    ? false
    : [Extract<T, PromiseLike<unknown>>, 0] extends [never, 0]
      ? false
      : true
) extends true
  ? {
      /** Never present: its type is the message of the compiler. */
      readonly decode: 'decode returns a promise, but serdes are synchronous'
    }
  : unknown

/** Decodes bytes to values. */
export interface Decoder<out T> {
  /** The format of the bytes, such as `'json'`. Topics can be joined only if their keys have the same format. */
  readonly format: string
  /**
   * Decodes bytes, and throws if they are not valid. It is synchronous, and neither changes the bytes nor keeps a reference to
   * them.
   *
   * @returns the value; a promise is refused, and so is `undefined` (`DECODE_FAILED`)
   */
  readonly decode: (bytes: Uint8Array) => T
}

/** Encodes values to bytes. */
export interface Encoder<in T> {
  /** The format of the bytes, as in {@link Decoder.format}. */
  readonly format: string
  /**
   * Encodes a value, and throws if it cannot be encoded. It is synchronous. The bytes must not change later, because Joinery
   * keeps them until they are written: a serde that reuses a buffer returns a copy.
   *
   * @returns the bytes; everything but a `Uint8Array` is refused (`ENCODE_FAILED`)
   */
  readonly encode: (value: T) => Uint8Array
}

/** A serializer and deserializer: decodes to `Out`, encodes from `In`. The two differ if a schema transforms values. */
export interface Serde<out Out, in In = Out> extends Decoder<Out>, Encoder<In> {}
