import type { Decoder } from '../serde/serde.js'

const UNDECODED = Symbol('undecoded')

/** A row as bytes, and as a value once somebody has asked for it. */
export class StoredRow {
  readonly bytes: Uint8Array
  #value: unknown = UNDECODED

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** The value; the same object each time. Throws what the decoder throws. */
  decode(decoder: Decoder<unknown>): unknown {
    if (this.#value === UNDECODED) this.#value = decoder.decode(this.bytes)
    return this.#value
  }
}
