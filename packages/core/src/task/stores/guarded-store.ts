import { isJoineryError, JoineryError } from '../../errors.js'
import type { Awaitable } from '../../store/contract.js'
import type { PendingStoreCalls } from './pending-store-calls.js'

/** Runs operations of a store. An error becomes `STORE_FAILED`, retriable, unless it is a JoineryError already. */
export class GuardedStore {
  readonly name: string
  readonly #partition: number
  readonly #calls: PendingStoreCalls | undefined

  /** @param calls receives the operations that have begun */
  constructor(name: string, partition: number, calls?: PendingStoreCalls) {
    this.name = name
    this.#partition = partition
    this.#calls = calls
  }

  /** @param does the operation, as it follows "could not" in an error message */
  run<T>(does: string, attempt: () => Awaitable<T>): Awaitable<T> {
    try {
      const result = attempt()
      if (!isThenable(result)) return result
      const tracked = this.#calls?.track(`store ${this.name}[${this.#partition}] to ${does}`, result) ?? result
      return Promise.resolve(tracked).catch((cause: unknown) => {
        throw this.#failure(does, cause)
      })
    } catch (cause) {
      throw this.#failure(does, cause)
    }
  }

  /** Like {@link run}, for an iterable. */
  async *iterate<T>(of: () => Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void, void> {
    try {
      yield* of()
    } catch (cause) {
      throw this.#failure('be read', cause)
    }
  }

  #failure(does: string, cause: unknown): JoineryError {
    if (isJoineryError(cause)) return cause
    const message = `store ${this.name}[${this.#partition}] could not ${does}: ${String(cause)}`
    return new JoineryError('STORE_FAILED', message, { cause, retriable: true, partition: this.#partition })
  }
}

/**
 * Also true for a promise of another realm, such as Node's own where tests run in a VM context: it is not an instance
 * of this realm's Promise.
 */
const isThenable = <T>(result: Awaitable<T>): result is Promise<T> =>
  typeof (result as Partial<PromiseLike<T>> | undefined)?.then === 'function'
