/** Turns bytes into values. */
export interface Decoder<out T> {
  /** What the bytes are, such as `'json'`: joined topics must have keys of the same format. */
  readonly format: string
  /** Never keeps or changes the bytes. Throws on bytes that are no such value. */
  readonly decode: (bytes: Uint8Array) => T
}

/** Turns values into bytes. */
export interface Encoder<in T> {
  /** What the bytes are, as in {@link Decoder.format}. */
  readonly format: string
  /** Throws on a value that has no representation. */
  readonly encode: (value: T) => Uint8Array
}

/** Both ways: reads `Out`, writes `In`. They differ where a schema transforms. */
export interface Serde<out Out, in In = Out> extends Decoder<Out>, Encoder<In> {}
