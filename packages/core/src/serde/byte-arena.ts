const CHUNK_BYTES = 65_536
/** Longer texts get a buffer of their own. */
const MOST_CHARACTERS = 2_048
/** Of a UTF-16 code unit in UTF-8. */
const MOST_BYTES = 3
const EMPTY = Buffer.allocUnsafeSlow(0)

/** Encodes short texts one behind the other in a large buffer: a buffer for each costs more than what is written to it. */
export class ByteArena {
  #chunk: Buffer = EMPTY
  #at = 0

  /** The bytes of a text. They are nobody else's, though others lie beside them. */
  encode(text: string): Uint8Array {
    if (text.length > MOST_CHARACTERS) return Buffer.from(text)
    if (this.#at + text.length * MOST_BYTES > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      this.#at = 0
    }
    const from = this.#at
    const size = this.#chunk.write(text, from)
    this.#at += size
    return new Uint8Array(this.#chunk.buffer, from, size)
  }
}
