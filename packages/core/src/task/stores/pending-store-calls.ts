/** A call of a store that has not returned. */
export interface PendingStoreCall {
  /** The call, as it follows "waiting for": "getMany of store rows[0]". */
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
    const call = this.#begin(what)
    try {
      return await result
    } finally {
      this.#pending.delete(call)
    }
  }

  /** @returns the same results, each of which is awaited as a call of `what` */
  async *trackEach<T>(what: string, results: Iterable<T> | AsyncIterable<T>): AsyncGenerator<Awaited<T>, void, void> {
    let call = this.#begin(what)
    try {
      for await (const result of results) {
        this.#pending.delete(call)
        yield result
        call = this.#begin(what)
      }
    } finally {
      this.#pending.delete(call)
    }
  }

  #begin(what: string): PendingStoreCall {
    const call = { what, since: this.#monotonic() }
    this.#pending.add(call)
    return call
  }
}
