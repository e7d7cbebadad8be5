/** Kept for the next commits: a new buffer for each would cost more than filling it. */
const MOST_BYTES = 4 * 2 ** 20
const FIRST_BYTES = 16_384

/** Buffers of batches that were acknowledged, to be filled again. */
export class SpareBuffers {
  readonly #spare: Buffer[] = []
  #bytes = 0

  take(): Buffer {
    const buffer = this.#spare.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#bytes -= buffer.length
    return buffer
  }

  /** Nobody reads the buffer any more. */
  give(buffer: Buffer): void {
    if (this.#bytes + buffer.length > MOST_BYTES) return
    this.#bytes += buffer.length
    this.#spare.push(buffer)
  }
}
