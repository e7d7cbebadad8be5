import { isUint8Array } from 'node:util/types'
import { isJoineryError, JoineryError } from '../../errors.js'
import { describeType } from '../../serde/type-name.js'
import type { Awaitable, Change, StateStore } from '../../store/contract.js'
import type { PendingStoreCalls } from './pending-store-calls.js'

type Entry = readonly [key: Uint8Array, value: Uint8Array]

/** Which store it is, for error messages, and where its calls are counted while they have not returned. */
export interface CheckedStoreOptions {
  readonly name: string
  readonly partition: number
  readonly calls?: PendingStoreCalls | undefined
}

const METHODS = ['getMany', 'commit', 'entries', 'clear', 'close'] as const

/**
 * A store of a user, whose results are checked where they enter: a wrong one would become a wrong output, or would look like the
 * fault of an event. It fails with `STORE_FAILED`: retriable if a method has thrown, and not retriable if a method has returned what
 * the contract does not allow. A JoineryError that a method throws is thrown as it is.
 */
export class CheckedStore implements StateStore {
  readonly name: string
  readonly #partition: number
  readonly #calls: PendingStoreCalls | undefined
  readonly #store: StateStore

  /** @param store what `open` of the stores has returned */
  constructor(store: StateStore, { name, partition, calls }: CheckedStoreOptions) {
    this.name = name
    this.#partition = partition
    this.#calls = calls
    this.#store = store
    if (typeof store !== 'object' || store === null) throw this.#wrong('open', describeType(store), 'a StateStore')
    for (const method of METHODS) {
      const type = describeType(store[method])
      if (typeof store[method] !== 'function')
        throw this.#wrong('open', `a store whose ${method} is ${type}`, 'a function')
    }
  }

  get position(): string | undefined {
    const { position } = this.#store
    if (position === undefined || typeof position === 'string') return position
    throw this.#wrong('position', describeType(position), 'a string, or undefined without a commit')
  }

  get lostRows(): number | undefined {
    return this.#count('lostRows', this.#store.lostRows)
  }

  get storedBytes(): number | undefined {
    return this.#count('storedBytes', this.#store.storedBytes)
  }

  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]> {
    return this.#run(
      'getMany',
      () => this.#store.getMany(keys),
      (values) => this.#checkValues(values, keys.length),
    )
  }

  commit(changes: readonly Change[], position: string): Awaitable<void> {
    return this.#run(
      'commit',
      () => this.#store.commit(changes, position),
      () => {},
    )
  }

  async *entries(): AsyncGenerator<Entry, void, void> {
    try {
      const entries: unknown = this.#store.entries()
      if (!isIterable(entries)) throw this.#wrong('entries', describeType(entries), 'an iterable or an async iterable')
      const tracked = this.#calls?.trackEach(this.#what('entries'), entries) ?? entries
      for await (const entry of tracked) yield this.#checkEntry(entry)
    } catch (cause) {
      throw this.#failed('entries', cause)
    }
  }

  clear(): Awaitable<void> {
    return this.#run(
      'clear',
      () => this.#store.clear(),
      () => {},
    )
  }

  close(): Awaitable<void> {
    return this.#run(
      'close',
      () => this.#store.close(),
      () => {},
    )
  }

  /** @param check what the contract says about the result */
  #run<T>(method: string, call: () => Awaitable<T>, check: (result: T) => void): Awaitable<T> {
    const checked = (result: T) => {
      check(result)
      return result
    }
    try {
      const result = call()
      if (!isThenable(result)) return checked(result)
      const tracked = this.#calls?.track(this.#what(method), result) ?? result
      return Promise.resolve(tracked).then(checked, (cause: unknown) => {
        throw this.#failed(method, cause)
      })
    } catch (cause) {
      throw this.#failed(method, cause)
    }
  }

  #checkValues(values: unknown, keys: number): void {
    const expected = 'an array with one value for each key, undefined where there is no row'
    if (!Array.isArray(values)) throw this.#wrong('getMany', describeType(values), expected)
    if (values.length !== keys) throw this.#wrong('getMany', `${values.length} values for ${keys} keys`, expected)
    for (let i = 0; i < keys; i++) {
      const value: unknown = values[i]
      if (value !== undefined && !isBytes(value))
        throw this.#wrong(
          'getMany',
          `${describeType(value)} as value ${i}`,
          'a Uint8Array, or undefined if there is no row',
        )
    }
  }

  #checkEntry(entry: unknown): Entry {
    if (Array.isArray(entry) && isBytes(entry[0]) && isBytes(entry[1])) return entry as unknown as Entry
    const found = Array.isArray(entry) ? `[${entry.map(describeType).join(', ')}]` : describeType(entry)
    throw this.#wrong('entries', `${found} as an entry`, '[key, value], both a Uint8Array')
  }

  #count(property: string, count: unknown): number | undefined {
    if (count === undefined || (typeof count === 'number' && count >= 0)) return count
    throw this.#wrong(
      property,
      typeof count === 'number' ? String(count) : describeType(count),
      'a number from 0 on, or undefined',
    )
  }

  #what(member: string): string {
    return `${member} of store ${this.name}[${this.#partition}]`
  }

  #wrong(member: string, found: string, expected: string): JoineryError {
    const message = `${this.#what(member)} returned ${found}, but must return ${expected}: correct the store, which stateStoreSuite checks`
    return new JoineryError('STORE_FAILED', message, { partition: this.#partition })
  }

  #failed(method: string, cause: unknown): JoineryError {
    if (isJoineryError(cause)) return cause
    const message = `${this.#what(method)} failed: ${String(cause)}`
    return new JoineryError('STORE_FAILED', message, { cause, retriable: true, partition: this.#partition })
  }
}

/** The slower check accepts those of another realm, as test runners create. */
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array || isUint8Array(value)

const isIterable = (value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> => {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(value) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >
  return typeof sync === 'function' || typeof async === 'function'
}

/**
 * Also true for a promise of another realm, such as Node's own where tests run in a VM context: it is not an instance
 * of this realm's Promise.
 */
const isThenable = <T>(result: Awaitable<T>): result is Promise<T> =>
  typeof (result as Partial<PromiseLike<T>> | undefined)?.then === 'function'
