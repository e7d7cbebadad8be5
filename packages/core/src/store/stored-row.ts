import type { Decoder } from '../serde/serde.js'

/** A row: bytes until somebody asks for its value, and the value from then on. */
export class StoredRow {
  /** How many bytes it has. */
  readonly size: number
  #bytes: Uint8Array | undefined
  #value: unknown

  constructor(bytes: Uint8Array) {
    this.size = bytes.length
    this.#bytes = bytes
  }

  /** Whether it has a value already that is an object. Asking reads both from memory. */
  get isObject(): boolean {
    return typeof this.#value === 'object'
  }

  /** The value; the same object each time. Throws what the decoder throws. */
  decode(decoder: Pick<Decoder<unknown>, 'decode'>): unknown {
    if (this.#bytes !== undefined) {
      this.#value = decoder.decode(this.#bytes)
      this.#bytes = undefined // all that came with them need not stay
    }
    return this.#value
  }
}
