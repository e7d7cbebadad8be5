/** The maximum number of bytes that are kept. */
const MAX_BYTES = 4 * 2 ** 20
const FIRST_BYTES = 16_384

/** Reuses the buffers of acknowledged batches for later commits: allocating a buffer costs more than filling it. */
export class BufferPool {
  readonly #free: Buffer[] = []
  #bytes = 0

  acquire(): Buffer {
    const buffer = this.#free.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#bytes -= buffer.length
    return buffer
  }

  /** Keeps a buffer that is no longer read, if there is space. */
  release(buffer: Buffer): void {
    if (this.#bytes + buffer.length > MAX_BYTES) return
    this.#bytes += buffer.length
    this.#free.push(buffer)
  }
}
