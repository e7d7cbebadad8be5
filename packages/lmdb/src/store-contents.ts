import { JoineryError } from '@joinery/core'
import type { Change, StoreId } from '@joinery/core/store'
import { PAGE_BYTES } from './data-file.js'
import type { Environment, Rows } from './environment.js'
import {
  entryOf,
  FIRST_ROW,
  POSITION_KEY,
  RowKeys,
  rowValue,
  storedValue,
  withEndMark,
  withoutEndMark,
} from './row-format.js'

/** The number of rows that are read at once. */
const PAGE_ROWS = 256
/** Keeps any string unchanged, even one that is not well-formed. */
const POSITION_ENCODING = 'utf16le'

/** The pages of a database, as lmdb reports them. */
interface PageCounts {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

/** A row, and the stored key after which the iteration continues. */
export interface ScannedRow {
  readonly storedKey: Uint8Array
  readonly entry: readonly [key: Uint8Array, value: Uint8Array]
}

/** The state that the handles of one store share: the latest owner, the position, and the database with the rows. */
export class StoreContents {
  readonly #environment: Environment
  readonly #rows: Rows
  readonly #keys = new RowKeys()
  /** The latest owner. */
  #owner: StoreId | undefined
  #position: string | undefined
  #storedBytes: number

  constructor(environment: Environment, name: string) {
    this.#environment = environment
    this.#rows = environment.openRows(name)
    this.#position = environment.read(() => {
      const stored = this.#rows.getBinary(POSITION_KEY)
      return stored && Buffer.from(withoutEndMark(POSITION_KEY, stored)).toString(POSITION_ENCODING)
    })
    this.#storedBytes = this.#measure()
  }

  /** The bytes of the pages that the store occupies in the file, with those that a failed commit has left. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  /** LMDB keeps these numbers with the root of each database. */
  #measure(): number {
    const { treeBranchPageCount, treeLeafPageCount, overflowPages } = this.#environment.read(
      () => this.#rows.getStats() as PageCounts,
    )
    return (treeBranchPageCount + treeLeafPageCount + overflowPages) * PAGE_BYTES
  }

  get position(): string | undefined {
    return this.#position
  }

  /** Makes a later owner the owner. Writes of the earlier owner that are in progress complete first. */
  async takeOver(id: StoreId): Promise<void> {
    this.#environment.check()
    if (id.changelogId === this.#owner?.changelogId && id.token < this.#owner.token) throw fenced(id)
    this.#owner = id
    await this.#environment.settled()
  }

  /** @throws JoineryError `STORE_FENCED`, `STORE_CLOSED` */
  check(id: StoreId): void {
    this.#environment.check()
    if (id.changelogId !== this.#owner?.changelogId || id.token < this.#owner.token) throw fenced(id)
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.#environment.read(() =>
      keys.map((key) => {
        // getBinary returns a copy: LMDB reuses pages after a later commit has replaced them
        const storedKey = this.#keys.stored(key)
        const stored = this.#rows.getBinary(storedKey)
        return stored && rowValue(storedKey, key, stored)
      }),
    )
  }

  /** @returns the next rows in the order of stored keys, as copies */
  page(after: Uint8Array | undefined): readonly ScannedRow[] {
    const from = after === undefined ? { start: FIRST_ROW } : { start: after, exclusiveStart: true }
    return this.#environment.read(() => {
      const range = this.#rows.getRange({ ...from, limit: PAGE_ROWS })
      return Array.from(range, ({ key, value }) => ({ storedKey: key, entry: entryOf(key, value) }))
    })
  }

  /** Applies changes and sets the position in one transaction. */
  async commit(changes: readonly Change[], position: string): Promise<void> {
    const all = [...changes] // a change that cannot be read throws before anything is written
    const positionBytes = withEndMark(POSITION_KEY, Buffer.from(position, POSITION_ENCODING))
    await this.#environment.write(() => {
      for (const { key, value } of all) {
        const storedKey = this.#keys.stored(key)
        if (value === null) this.#rows.remove(storedKey)
        else this.#rows.put(storedKey, storedValue(storedKey, key, value))
      }
      this.#rows.put(POSITION_KEY, positionBytes)
    })
    this.#position = position
    this.#storedBytes = this.#measure()
  }

  async clear(): Promise<void> {
    await this.#environment.write(() => this.#rows.clearAsync())
    this.#position = undefined
    this.#storedBytes = this.#measure()
  }
}

function fenced({ name, partition }: StoreId): JoineryError {
  const message = `a later owner has opened store ${name}[${partition}]`
  return new JoineryError('STORE_FENCED', message, { topic: name, partition, retriable: true })
}
