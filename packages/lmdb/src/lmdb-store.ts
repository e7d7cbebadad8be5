import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StoreId } from '@joinery/core/store'
import type { StoreContents } from './store-contents.js'

/** The handle of one owner. */
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

  get storedBytes(): number {
    return this.#contents.storedBytes
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    return this.#checked().getMany(keys)
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    await this.#checked().commit(changes, position)
  }

  entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array]> {
    this.#checked()
    return this.#scan()
  }

  /** Reads in pages: a single transaction for the whole iteration would prevent LMDB from reusing any page meanwhile. */
  *#scan(): Generator<readonly [key: Uint8Array, value: Uint8Array], void, void> {
    const { version } = this.#checked()
    let bytes = 0
    let page = this.#checked().page(undefined)
    while (page.length > 0) {
      for (const { entry } of page) {
        bytes += entry[0].length + entry[1].length
        yield entry
      }
      page = this.#checked().page(page.at(-1)?.storedKey)
    }
    this.#checked().checkScan(version, bytes)
  }

  async clear(): Promise<void> {
    await this.#checked().clear()
  }

  close(): void {
    this.#isClosed = true
  }

  #checked(): StoreContents {
    if (this.#isClosed)
      throw new JoineryError('STORE_CLOSED', `store ${this.#id.name}[${this.#id.partition}] was closed`)
    this.#contents.check(this.#id)
    return this.#contents
  }
}
