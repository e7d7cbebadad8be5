const CHUNK_BYTES = 65_536
/** Longer texts get a buffer of their own. */
const MAX_CHARACTERS = 2_048
/** Of a UTF-16 code unit in UTF-8. */
const MAX_BYTES = 3
/** Of 2^53 - 1. */
const MAX_DIGITS = 16
const ZERO = 48
const EMPTY = Buffer.allocUnsafeSlow(0)

/** Encodes short texts one behind the other in a large buffer: a buffer for each costs more than what is written to it. */
export class ByteArena {
  #chunk: Buffer = EMPTY
  /** Of the chunk, which takes long to ask for it. */
  #memory: ArrayBufferLike = EMPTY.buffer
  #at = 0

  /** The bytes of a prefix, and of a whole number in decimals behind it. */
  encodeNumbered(prefix: Uint8Array, number: number): Uint8Array {
    this.#need(prefix.length + MAX_DIGITS)
    const chunk = this.#chunk
    const from = this.#at
    for (let i = 0; i < prefix.length; i++) chunk[from + i] = prefix[i] as number
    let digits = 1
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) digits++
    const to = from + prefix.length + digits
    for (let at = to - 1, rest = number; digits > 0; at--, digits--) {
      const less = Math.floor(rest / 10)
      chunk[at] = ZERO + (rest - less * 10)
      rest = less
    }
    this.#at = to
    return new Uint8Array(this.#memory, from, to - from)
  }

  /** The bytes of a text. They are nobody else's, though others lie beside them. */
  encode(text: string): Uint8Array {
    if (text.length > MAX_CHARACTERS) return Buffer.from(text)
    this.#need(text.length * MAX_BYTES)
    const from = this.#at
    const size = this.#chunk.write(text, from)
    this.#at += size
    return new Uint8Array(this.#memory, from, size)
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#chunk.length) return
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes))
    this.#memory = this.#chunk.buffer
    this.#at = 0
  }
}
