import assert from 'node:assert/strict'
import type { Awaitable, StateStore, StateStores, StoreId } from '../../store/contract.js'

/** The store that tests open unless they say otherwise. */
export const ID: Omit<StoreId, 'token'> = { application: 'app', name: 'rows', partition: 0, changelogId: 'log-1' }

/** What a store can do, and what makes it. */
export interface StoreMaker {
  readonly fresh: (place: string) => Awaitable<StateStores>
  readonly durable: boolean
  readonly shared: boolean
}

/** Registers a test that gets stores of its own. */
export type StoreTest = (title: string, body: (trial: StoreTrial) => Promise<void>) => void

/** The stores of one test, at a place of its own. Owners' tokens rise by themselves. */
export class StoreTrial {
  readonly durable: boolean
  readonly shared: boolean
  readonly #fresh: StoreMaker['fresh']
  readonly #place: string
  readonly #stores = new Set<StateStores>()
  readonly #opened: StateStore[] = []
  #first: StateStores | undefined
  #token = 0

  constructor({ fresh, durable, shared }: StoreMaker, place: string) {
    this.#fresh = fresh
    this.durable = durable
    this.shared = shared
    this.#place = place
  }

  /** What the factory makes for this test's place: once more, as another process would. */
  async another(): Promise<StateStores> {
    const stores = await this.#fresh(this.#place)
    assert.equal(typeof stores?.open, 'function', 'the factory has to make StateStores: something with open(id)')
    this.#stores.add(stores)
    return stores
  }

  /** Opens a store for a new owner, if not said otherwise in the first stores of this test. */
  async open(id: Partial<StoreId> = {}, stores?: StateStores): Promise<StateStore> {
    this.#first ??= await this.another()
    const store = await (stores ?? this.#first).open({ ...ID, token: ++this.#token, ...id })
    this.#opened.push(store)
    return store
  }

  /** Everybody leaves, as at the end of a process. */
  async leave(): Promise<void> {
    for (const store of this.#opened.splice(0)) await store.close()
    for (const stores of this.#stores) await stores[Symbol.asyncDispose]?.()
    this.#stores.clear()
    this.#first = undefined
  }
}
