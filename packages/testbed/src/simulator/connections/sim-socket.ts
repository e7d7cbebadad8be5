/** The other end of a socket. */
export interface SocketPeer {
  /** Bytes were written. */
  sent(bytes: Buffer): void
  /** The socket was destroyed. */
  ended(): void
}

type Listener = (argument: never) => void

/** The part of a socket of Node that connections to brokers use. */
export class SimSocket {
  readonly #peer: SocketPeer
  readonly #listeners = new Map<string, Listener[]>()
  #chunks: Uint8Array[] = []
  #isCorked = false
  #isDestroyed = false

  constructor(peer: SocketPeer) {
    this.#peer = peer
  }

  setNoDelay(): void {}

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
  }

  cork(): void {
    this.#isCorked = true
  }

  write(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    if (!this.#isCorked) this.#flush()
  }

  uncork(): void {
    this.#isCorked = false
    this.#flush()
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#peer.ended()
  }

  /** Bytes have arrived. */
  receive(bytes: Buffer): void {
    this.#emit('data', bytes)
  }

  /** The other end is gone. */
  reset(): void {
    this.#emit('error', new Error('read ECONNRESET'))
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#chunks)
    this.#chunks = []
    if (bytes.length > 0 && !this.#isDestroyed) this.#peer.sent(bytes)
  }

  #emit(event: string, argument: unknown): void {
    if (this.#isDestroyed) return
    for (const listener of this.#listeners.get(event) ?? []) listener(argument as never)
  }
}
