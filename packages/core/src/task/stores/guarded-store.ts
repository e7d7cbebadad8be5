import { isJoineryError, JoineryError } from '../../errors.js'
import type { Awaitable } from '../../store/contract.js'

/** Calls of a store: what it throws becomes `STORE_FAILED`, retriable, unless the store says otherwise. */
export class GuardedStore {
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
      if (!isPromise(result)) return result
      return Promise.resolve(result).catch((cause: unknown) => {
        throw this.#failure(does, cause)
      })
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

/** Also for one of another realm, such as Node's own where tests run in a context of theirs: it is no instance of our Promise. */
const isPromise = <T>(result: Awaitable<T>): result is Promise<T> =>
  typeof (result as Partial<PromiseLike<T>> | undefined)?.then === 'function'
