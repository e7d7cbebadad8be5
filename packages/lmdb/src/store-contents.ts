import { JoineryError } from '@joinery/core'
import type { Change, StoreId } from '@joinery/core/store'
import type { Environment, Rows } from './environment.js'
import { entryOf, FIRST_ROW, POSITION_KEY, RowKeys, rowValue, storedValue, withEnd, withoutEnd } from './row-format.js'

/** Entries that are read in one go. */
const PAGE = 256
/** Any string comes back as it was, even one that is not well-formed. */
const POSITION_ENCODING = 'utf16le'

/** A row, and where the scan goes on behind it. */
export interface ScannedRow {
  readonly at: Uint8Array
  readonly entry: readonly [key: Uint8Array, value: Uint8Array]
}

/** What the handles of one store share: the newest token, the position, and the database with the rows. */
export class StoreContents {
  readonly #environment: Environment
  readonly #rows: Rows
  readonly #keys = new RowKeys()
  /** The newest owner. */
  #owner: StoreId | undefined
  #position: string | undefined

  constructor(environment: Environment, name: string) {
    this.#environment = environment
    this.#rows = environment.openRows(name)
    this.#position = environment.read(() => {
      const stored = this.#rows.getBinary(POSITION_KEY)
      return stored && Buffer.from(withoutEnd(POSITION_KEY, stored)).toString(POSITION_ENCODING)
    })
  }

  get position(): string | undefined {
    return this.#position
  }

  /** A later owner: what an earlier one is still writing is its own from here on. */
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
        // a copy: pages of LMDB are used again once a later commit has replaced them
        const storedKey = this.#keys.stored(key)
        const stored = this.#rows.getBinary(storedKey)
        return stored && rowValue(storedKey, key, stored)
      }),
    )
  }

  /** The next rows in the order of LMDB's keys, each a copy. */
  page(behind: Uint8Array | undefined): readonly ScannedRow[] {
    const from = behind === undefined ? { start: FIRST_ROW } : { start: behind, exclusiveStart: true }
    return this.#environment.read(() => {
      const range = this.#rows.getRange({ ...from, limit: PAGE })
      return Array.from(range, ({ key, value }) => ({ at: key, entry: entryOf(key, value) }))
    })
  }

  /** Changes and position in one transaction. */
  async commit(changes: readonly Change[], position: string): Promise<void> {
    const all = [...changes] // what throws does so before anything is written
    const positionBytes = withEnd(POSITION_KEY, Buffer.from(position, POSITION_ENCODING))
    await this.#environment.write(() => {
      for (const { key, value } of all) {
        const storedKey = this.#keys.stored(key)
        if (value === null) this.#rows.remove(storedKey)
        else this.#rows.put(storedKey, storedValue(storedKey, key, value))
      }
      this.#rows.put(POSITION_KEY, positionBytes)
    })
    this.#position = position
  }

  async clear(): Promise<void> {
    await this.#environment.write(() => this.#rows.clearAsync())
    this.#position = undefined
  }
}

function fenced({ name, partition }: StoreId): JoineryError {
  const message = `a later owner has opened store ${name}[${partition}]`
  return new JoineryError('STORE_FENCED', message, { topic: name, partition, retriable: true })
}
