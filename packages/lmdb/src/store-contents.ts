import { JoineryError } from '@joinery/core'
import { type Change, keyText, type StoreId } from '@joinery/core/store'
import { Damage } from './damage.js'
import type { Environment, Rows } from './environment.js'
import { AFTER_ROWS, FIRST_ROW, POSITION_KEY, RowFormat, SIZE_KEY, valueLength } from './row-format.js'

/** The number of rows that are read at once. */
const PAGE_ROWS = 256
/** Keeps any position unchanged, even one that is not well-formed. */
const TEXT_ENCODING = 'utf16le'

/** A row, and the stored key after which the iteration continues. */
export interface ScannedRow {
  readonly storedKey: Uint8Array
  readonly entry: readonly [key: Uint8Array, value: Uint8Array]
}

/** The state that the handles of one store share: the latest owner, the position, and the database with the rows. */
export class StoreContents {
  readonly environment: Environment
  readonly #rows: Rows
  readonly #format = new RowFormat()
  /** The latest owner. */
  #owner: StoreId | undefined
  #position: string | undefined
  #storedBytes: number
  /** The number of writes that have begun. */
  #writes = 0
  /** The number of writes that have begun and not ended. */
  #writing = 0

  /** @param earlier what the files held that these have replaced */
  constructor(environment: Environment, name: string, earlier?: StoreContents) {
    this.#owner = earlier === undefined ? undefined : earlier.#owner
    this.environment = environment
    this.#rows = environment.openRows(name)
    const [size, position] = environment.read(() => [this.#text(SIZE_KEY), this.#text(POSITION_KEY)])
    this.#storedBytes = Number(size ?? 0)
    // files of a version that did not count are rebuilt
    this.#position = size === undefined ? undefined : position
  }

  #text(key: Uint8Array): string | undefined {
    const stored = this.#rows.getBinary(key)
    return stored && Buffer.from(this.#format.values.verified(key, stored)).toString(TEXT_ENCODING)
  }

  /** The bytes of all keys and values. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  get position(): string | undefined {
    return this.#position
  }

  /** Makes a later owner the owner. Writes of the earlier owner that are in progress complete first. */
  async takeOver(id: StoreId): Promise<void> {
    this.environment.check()
    if (id.changelogId === this.#owner?.changelogId && id.token < this.#owner.token) throw fenced(id)
    this.#owner = id
    await this.environment.settled()
  }

  /** @throws JoineryError `STORE_FENCED`, `STORE_CLOSED` */
  check(id: StoreId): void {
    this.environment.check()
    if (id.changelogId !== this.#owner?.changelogId || id.token < this.#owner.token) throw fenced(id)
  }

  getMany(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return this.environment.read(() =>
      keys.map((key) => {
        const storedKey = this.#format.storedKey(key)
        const stored = this.#rows.getBinaryFast(storedKey) // its bytes are valid until the next read
        return stored && this.#format.value(storedKey, key, stored)
      }),
    )
  }

  /** @returns the next rows in the order of stored keys, as copies */
  page(after: Uint8Array | undefined): readonly ScannedRow[] {
    const from = after === undefined ? { start: FIRST_ROW } : { start: after, exclusiveStart: true }
    return this.environment.read(() => {
      const range = this.#rows.getRange({ ...from, end: AFTER_ROWS, limit: PAGE_ROWS })
      return Array.from(range, ({ key, value }) => ({ storedKey: key, entry: this.#format.entry(key, value) }))
    })
  }

  /** Identifies the rows as they are now, for {@link checkScan}; `undefined` while they change. */
  get version(): number | undefined {
    return this.#writing === 0 ? this.#writes : undefined
  }

  /**
   * Checks that an iteration has found every row.
   *
   * @param version of the rows when it began
   * @param bytes of the keys and values that it has found
   */
  checkScan(version: number | undefined, bytes: number): void {
    if (version !== this.version || version === undefined || bytes === this.#storedBytes) return
    const what = `rows of ${bytes} bytes were found, and ${this.#storedBytes} were stored`
    this.environment.read(() => {
      throw new Damage(what)
    })
  }

  /** Applies changes and sets the position in one transaction. */
  async commit(changes: readonly Change[], position: string): Promise<void> {
    const all = [...changes] // a change that cannot be read throws before anything is written
    const encode = this.#format.values.encoder()
    const positionBytes = encode(POSITION_KEY, Buffer.from(position, TEXT_ENCODING))
    const storedBytes = this.#storedBytes + this.#growth(all)
    const operations = () => {
      for (const { key, value } of all) {
        const storedKey = this.#format.storedKey(key)
        if (value === null) this.#rows.remove(storedKey)
        else this.#rows.put(storedKey, this.#format.storedValue(encode, storedKey, key, value))
      }
      this.#rows.put(POSITION_KEY, positionBytes)
      this.#rows.put(SIZE_KEY, encode(SIZE_KEY, Buffer.from(String(storedBytes), TEXT_ENCODING)))
    }
    await this.#write(operations, position, storedBytes)
  }

  async clear(): Promise<void> {
    await this.#write(() => this.#rows.clearAsync(), undefined, 0)
  }

  async #write(operations: () => void, position: string | undefined, storedBytes: number): Promise<void> {
    this.#writes++
    this.#writing++
    try {
      await this.environment.write(operations)
      this.#position = position
      this.#storedBytes = storedBytes
    } finally {
      this.#writing--
    }
  }

  /** By how many bytes changes let the store grow: a row that is replaced is looked up, and not copied. */
  #growth(changes: readonly Change[]): number {
    /** The bytes of the rows so far, by key: a key may be changed several times. */
    const changed = new Map<string, number>()
    let growth = 0
    this.environment.read(() => {
      for (const { key, value } of changes) {
        const text = keyText(key)
        const bytes = value === null ? 0 : key.length + value.length
        growth += bytes - (changed.get(text) ?? this.#bytesOf(key))
        changed.set(text, bytes)
      }
    })
    return growth
  }

  #bytesOf(key: Uint8Array): number {
    const storedKey = this.#format.storedKey(key)
    // its bytes are not valid, only its length
    const stored = this.#rows.getBinaryFast(storedKey)
    return stored === undefined ? 0 : key.length + valueLength(key, stored.length)
  }
}

function fenced({ name, partition }: StoreId): JoineryError {
  const message = `a later owner has opened store ${name}[${partition}]`
  return new JoineryError('STORE_FENCED', message, { topic: name, partition, retriable: true })
}
