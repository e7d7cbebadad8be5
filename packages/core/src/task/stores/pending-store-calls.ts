/** A call of a store that has not returned. */
export interface PendingStoreCall {
  /** The call, as it follows "waiting for": "store rows[0] to be read". */
  readonly what: string
  /** In monotonic milliseconds. */
  readonly since: number
}

/** The calls of a task's stores that have not returned. A synchronous call is never one of them. */
export class PendingStoreCalls {
  readonly #monotonic: () => number
  /** The oldest comes first. */
  readonly #pending = new Set<PendingStoreCall>()

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
  }

  get oldest(): PendingStoreCall | undefined {
    const [oldest] = this.#pending
    return oldest
  }

  /** @returns the same result, which is awaited as a call of `what` */
  async track<T>(what: string, result: PromiseLike<T>): Promise<T> {
    const call = { what, since: this.#monotonic() }
    this.#pending.add(call)
    try {
      return await result
    } finally {
      this.#pending.delete(call)
    }
  }
}
