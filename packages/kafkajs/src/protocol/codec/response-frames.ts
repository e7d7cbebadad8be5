const LENGTH_BYTES = 4
/** The size of the smallest response: a correlation id. */
const MIN_BYTES = 4
const MAX_BYTES = 512 * 2 ** 20

/** Puts the chunks of a socket together to responses. */
export class ResponseFrames {
  readonly #received: (response: Buffer) => void
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #lengthBytes = 0
  #body: Buffer | undefined
  #bodyBytes = 0

  /** @param received is called with each response, without its length */
  constructor(received: (response: Buffer) => void) {
    this.#received = received
  }

  /** @throws RangeError for a response of invalid size; nothing can be read after it */
  add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#body === undefined) {
        while (this.#lengthBytes < LENGTH_BYTES && at < chunk.length)
          this.#length[this.#lengthBytes++] = chunk[at++] as number
        if (this.#lengthBytes < LENGTH_BYTES) return
        const size = this.#length.readInt32BE(0)
        if (size < MIN_BYTES || size > MAX_BYTES) throw new RangeError(`invalid response size: ${size} bytes`)
        this.#body = Buffer.allocUnsafeSlow(size)
        this.#bodyBytes = 0
      }
      const count = Math.min(this.#body.length - this.#bodyBytes, chunk.length - at)
      chunk.copy(this.#body, this.#bodyBytes, at, at + count)
      this.#bodyBytes += count
      at += count
      if (this.#bodyBytes === this.#body.length) {
        const body = this.#body
        this.#body = undefined
        this.#lengthBytes = 0
        this.#received(body)
      }
    }
  }
}
