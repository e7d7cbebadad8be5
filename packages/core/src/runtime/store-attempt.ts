import { isJoineryError, JoineryError } from '../errors.js'
import type { Awaitable } from '../store/contract.js'

/** Calls of a store: what it throws becomes `STORE_FAILED`, retriable, unless the store says otherwise. */
export class StoreAttempt {
  readonly #name: string
  readonly #partition: number

  constructor(name: string, partition: number) {
    this.#name = name
    this.#partition = partition
  }

  /** @param does what the store should do, in words */
  run<T>(does: string, attempt: () => Awaitable<T>): Awaitable<T> {
    try {
      const result = attempt()
      return result instanceof Promise
        ? result.catch((cause: unknown) => {
            throw this.#failure(does, cause)
          })
        : result
    } catch (cause) {
      throw this.#failure(does, cause)
    }
  }

  /** The same for something that is read bit by bit. */
  async *iterate<T>(of: () => Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void, void> {
    try {
      yield* of()
    } catch (cause) {
      throw this.#failure('be read', cause)
    }
  }

  #failure(does: string, cause: unknown): JoineryError {
    if (isJoineryError(cause)) return cause
    const message = `store ${this.#name}[${this.#partition}] could not ${does}: ${String(cause)}`
    return new JoineryError('STORE_FAILED', message, { cause, retriable: true, partition: this.#partition })
  }
}
