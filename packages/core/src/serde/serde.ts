/** Decodes bytes to values. */
export interface Decoder<out T> {
  /** The format of the bytes, such as `'json'`. Topics can be joined only if their keys have the same format. */
  readonly format: string
  /** Returns the value, and throws if the bytes are not valid. It neither changes the bytes nor keeps a reference to them. */
  readonly decode: (bytes: Uint8Array) => T
}

/** Encodes values to bytes. */
export interface Encoder<in T> {
  /** The format of the bytes, as in {@link Decoder.format}. */
  readonly format: string
  /** Returns the bytes, and throws if the value cannot be encoded. */
  readonly encode: (value: T) => Uint8Array
}

/** A serializer and deserializer: decodes to `Out`, encodes from `In`. The two differ if a schema transforms values. */
export interface Serde<out Out, in In = Out> extends Decoder<Out>, Encoder<In> {}
