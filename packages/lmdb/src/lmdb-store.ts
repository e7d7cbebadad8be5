import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StoreId } from '@joinery/core/store'
import type { StoreContents } from './store-contents.js'

/** One owner's handle. */
export class LmdbStore implements StateStore {
  readonly #id: StoreId
  readonly #contents: StoreContents
  #isClosed = false

  constructor(id: StoreId, contents: StoreContents) {
    this.#id = id
    this.#contents = contents
  }

  get position(): string | undefined {
    return this.#contents.position
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    return this.#live().getMany(keys)
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    await this.#live().commit(changes, position)
  }

  entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    this.#live()
    return this.#scan()
  }

  /** In pages: one transaction for the whole scan would keep LMDB from using any page again meanwhile. */
  *#scan(): Generator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    let page = this.#live().page(undefined)
    while (page.length > 0) {
      for (const { entry } of page) yield entry
      page = this.#live().page(page.at(-1)?.at)
    }
  }

  async clear(): Promise<void> {
    await this.#live().clear()
  }

  close(): void {
    this.#isClosed = true
  }

  #live(): StoreContents {
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.#id.name} was closed`)
    this.#contents.check(this.#id)
    return this.#contents
  }
}
