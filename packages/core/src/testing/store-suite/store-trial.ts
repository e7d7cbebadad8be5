import assert from 'node:assert/strict'
import type { Awaitable, StateStore, StateStores, StoreId } from '../../store/contract.js'
import { CheckedStore } from '../../task/stores/checked-store.js'

/** The id of the store that tests open by default. */
export const ID: Omit<StoreId, 'token'> = { application: 'app', name: 'rows', partition: 0, changelogId: 'log-1' }

/** The store under test: how it is created, and which optional features it has. */
export interface TestedStore {
  readonly createStores: (location: string) => Awaitable<StateStores>
  readonly durable: boolean
  readonly shared: boolean
}

/** Registers a test, which gets its own stores. */
export type StoreTest = (title: string, body: (trial: StoreTrial) => Promise<void>) => void

/** The stores of one test, at a separate location. Each time they are opened they get a higher token. */
export class StoreTrial {
  readonly durable: boolean
  readonly shared: boolean
  readonly #createStores: TestedStore['createStores']
  readonly #location: string
  readonly #stores = new Set<StateStores>()
  readonly #opened: StateStore[] = []
  #first: StateStores | undefined
  #token = 0

  constructor({ createStores, durable, shared }: TestedStore, location: string) {
    this.#createStores = createStores
    this.durable = durable
    this.shared = shared
    this.#location = location
  }

  /** @returns another factory for the location of this test, as another process would create it */
  async newFactory(): Promise<StateStores> {
    const stores = await this.#createStores(this.#location)
    assert.equal(typeof stores?.open, 'function', 'createStores must return StateStores, with a method open')
    this.#stores.add(stores)
    return stores
  }

  /** Opens a store for a new owner, by default with the first factory of this test. What it returns is checked, as in an application. */
  async open(id: Partial<StoreId> = {}, stores?: StateStores): Promise<StateStore> {
    this.#first ??= await this.newFactory()
    const full = { ...ID, token: ++this.#token, ...id }
    const store = new CheckedStore(await (stores ?? this.#first).open(full), full)
    this.#opened.push(store)
    return store
  }

  /** Closes all stores and disposes of all factories, as at the end of a process. */
  async leave(): Promise<void> {
    for (const store of this.#opened.splice(0)) await store.close()
    for (const stores of this.#stores) await stores[Symbol.asyncDispose]?.()
    this.#stores.clear()
    this.#first = undefined
  }
}
