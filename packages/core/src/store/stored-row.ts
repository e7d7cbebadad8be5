import type { Decoder } from '../serde/serde.js'
import { decoded } from '../serde/serde-result.js'

/** A row that is decoded when its value is first requested. */
export class StoredRow {
  /** The number of encoded bytes. */
  readonly size: number
  #bytes: Uint8Array | undefined
  #value: unknown

  constructor(bytes: Uint8Array) {
    this.size = bytes.length
    this.#bytes = bytes
  }

  /** Whether the row is already decoded to an object. Reading it also loads both into the processor's cache. */
  get isObject(): boolean {
    return typeof this.#value === 'object'
  }

  /** @returns the value, the same object each time; throws what the decoder throws, and `DECODE_FAILED` for a promise */
  decode(decoder: Pick<Decoder<unknown>, 'decode'>): unknown {
    if (this.#bytes !== undefined) {
      this.#value = decoded(decoder.decode(this.#bytes))
      this.#bytes = undefined // they may keep a larger buffer alive
    }
    return this.#value
  }
}
