const CHUNK_BYTES = 65_536
/** Longer strings get their own buffer. */
const MAX_CHARACTERS = 2_048
/** The most bytes that one UTF-16 code unit takes in UTF-8. */
const MAX_BYTES = 3
/** The decimal digits of 2^53 - 1. */
const MAX_DIGITS = 16
const ZERO = 48
const EMPTY = Buffer.allocUnsafeSlow(0)

/** Encodes short strings one after the other into a large buffer: a buffer for each would cost more than its contents. */
export class ByteArena {
  #chunk: Buffer = EMPTY
  /** The chunk's `ArrayBuffer`, because the getter `buffer` is slow. */
  #memory: ArrayBufferLike = EMPTY.buffer
  #offset = 0

  /** @returns the prefix followed by a whole number in decimal digits */
  encodeNumbered(prefix: Uint8Array, number: number): Uint8Array {
    this.#reserve(prefix.length + MAX_DIGITS)
    const chunk = this.#chunk
    const start = this.#offset
    for (let i = 0; i < prefix.length; i++) chunk[start + i] = prefix[i] as number
    let digits = 1
    for (let rest = number; rest >= 10; rest = Math.floor(rest / 10)) digits++
    const end = start + prefix.length + digits
    for (let at = end - 1, rest = number; digits > 0; at--, digits--) {
      const quotient = Math.floor(rest / 10)
      chunk[at] = ZERO + (rest - quotient * 10)
      rest = quotient
    }
    this.#offset = end
    return new Uint8Array(this.#memory, start, end - start)
  }

  /** @returns the UTF-8 bytes of a string; other strings may share the underlying buffer, but not these bytes */
  encode(text: string): Uint8Array {
    if (text.length > MAX_CHARACTERS) return Buffer.from(text)
    this.#reserve(text.length * MAX_BYTES)
    const start = this.#offset
    const size = this.#chunk.write(text, start)
    this.#offset += size
    return new Uint8Array(this.#memory, start, size)
  }

  #reserve(bytes: number): void {
    if (this.#offset + bytes <= this.#chunk.length) return
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes))
    this.#memory = this.#chunk.buffer
    this.#offset = 0
  }
}
