import { setImmediate as nextTurn } from 'node:timers/promises'
import { JoineryError } from '../../src/index.js'
import { type Change, keyText, type StateStore, type StateStores, type StoreId } from '../../src/store.js'

/** The contents of a store, which remain while no owner has it open. */
export interface Contents {
  readonly rows: Map<string, readonly [key: Uint8Array, value: Uint8Array]>
  position: string | undefined
  /** The token of the owner, in this changelog. */
  token: number
  changelogId: string
}

/** Stands in for a disk or a server: the contents of stores, by location and name. */
export class Locations {
  readonly #locations = new Map<string, Map<string, Contents>>()

  contents(location: string, name: string): Contents {
    const stores = this.#locations.get(location) ?? new Map<string, Contents>()
    this.#locations.set(location, stores)
    const contents = stores.get(name) ?? { rows: new Map(), position: undefined, token: 0, changelogId: '' }
    stores.set(name, contents)
    return contents
  }
}

/** A class of stores. */
export interface SharedStoreClass {
  new (id: StoreId, contents: Contents): StateStore
  /** @returns the name under which the contents of a store are kept */
  nameOf(id: StoreId): string
}

/** Correct stores that are durable, shared by processes, and asynchronous, with commits in chunks, as those of a server are. */
export function sharedStores(
  locations: Locations,
  location: string,
  Store: SharedStoreClass = SharedStore,
): StateStores {
  return {
    async open(id) {
      await nextTurn()
      return new Store(id, locations.contents(location, Store.nameOf(id)))
    },
  }
}

const CHUNK = 1_000

export class SharedStore implements StateStore {
  readonly id: StoreId
  readonly contents: Contents
  position: string | undefined
  isClosed = false

  static nameOf({ application, name, partition }: StoreId): string {
    return JSON.stringify([application, name, partition])
  }

  constructor(id: StoreId, contents: Contents) {
    this.id = id
    this.contents = contents
    this.position = contents.position
    this.takeOver()
  }

  takeOver(): void {
    if (this.id.changelogId === this.contents.changelogId) this.check()
    this.contents.token = this.id.token
    this.contents.changelogId = this.id.changelogId
  }

  isFenced(): boolean {
    return this.id.token < this.contents.token || this.id.changelogId !== this.contents.changelogId
  }

  check(): void {
    if (this.isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.id.name} was closed`)
    if (this.isFenced()) throw new JoineryError('STORE_FENCED', `store ${this.id.name} has a later owner`)
  }

  keyOf(key: Uint8Array): string {
    return keyText(key)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.contents.rows.get(this.keyOf(key))?.[1]
  }

  apply({ key, value }: Change): void {
    if (value === null) this.contents.rows.delete(this.keyOf(key))
    else this.contents.rows.set(this.keyOf(key), [Uint8Array.from(key), Uint8Array.from(value)])
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await nextTurn()
    this.check()
    return keys.map((key) => this.get(key))
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    for (let i = 0; i < changes.length; i += CHUNK) {
      await nextTurn()
      this.check()
      for (const change of changes.slice(i, i + CHUNK)) this.apply(change)
    }
    await this.setPosition(position)
  }

  async setPosition(position: string): Promise<void> {
    await nextTurn()
    this.check()
    this.contents.position = position
    this.position = position
  }

  async *entries(): AsyncGenerator<readonly [Uint8Array, Uint8Array], void, void> {
    const keys = [...this.contents.rows.keys()]
    for (let i = 0; i === 0 || i < keys.length; i += CHUNK) {
      await nextTurn()
      this.check()
      for (const key of keys.slice(i, i + CHUNK)) {
        const entry = this.contents.rows.get(key)
        if (entry !== undefined) yield entry
      }
    }
  }

  async clear(): Promise<void> {
    await nextTurn()
    this.check()
    this.contents.rows.clear()
    this.contents.position = undefined
    this.position = undefined
  }

  async close(): Promise<void> {
    await nextTurn()
    this.isClosed = true
  }
}
