import { JoineryError } from '../../errors.js'
import { bytesOf, keyText } from '../../serde/key-text.js'
import { checkOptionNames } from '../../unknown-options.js'
import type { Change, StateStore, StateStores, StoreId } from '../contract.js'
import { EvictingRows, type MemoryRows } from './evicting-rows.js'
import { PackedRows } from './packed-rows.js'

/** Options of {@link memoryStores}. */
export interface MemoryStoresOptions {
  /**
   * The most rows that are kept, for each table in each task: at least 1. Waiting events do not count; they have their own
   * limits. A commit can exceed the limit temporarily.
   * @defaultValue no limit
   */
  readonly maxRows?: number
  /**
   * What happens when a table exceeds the limit. `'halt'`: the application ends with `STORE_FULL`, and nothing is lost.
   * `'evict-and-lose-rows'`: the least recently used row is evicted. **It is missing from then on**, as if it had never
   * existed, until its key is written again. Evictions are counted, and reported as events.
   * @defaultValue `'halt'`
   */
  readonly onFull?: 'halt' | 'evict-and-lose-rows'
}

const MEMORY_STORES_OPTIONS: Readonly<Record<keyof MemoryStoresOptions, true>> = { maxRows: true, onFull: true }

/** The state that the handles of one store share. */
interface Contents {
  readonly isTable: boolean
  readonly rows: MemoryRows
  /** `undefined`: no limit. */
  readonly maxRows: number | undefined
  position: string | undefined
  /** The token of the latest owner, in this changelog. */
  token: number
  changelogId: string
}

/**
 * State stores in the memory of this process. They are fast, and empty again once their last owner has closed them; the log
 * rebuilds them.
 *
 * @returns a factory of stores, for the option `stores` of `run`
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * await using app = await run(notify, { application: 'service-a', log, stores: memoryStores({ maxRows: 1_000_000 }) })
 * ```
 */
export function memoryStores(options: MemoryStoresOptions = {}): StateStores {
  checkOptions(options)
  const stores = new Map<string, Contents>()
  return {
    open(id) {
      const name = JSON.stringify([id.application, id.name, id.partition])
      const contents = stores.get(name) ?? newContents(id, options)
      stores.set(name, contents)
      return new MemoryStore(id, contents, () => {
        if (stores.get(name) === contents) stores.delete(name)
      })
    },
    gauges() {
      let storedRows = 0
      for (const { isTable, rows } of stores.values()) if (isTable) storedRows += rows.size
      return { storedRows }
    },
  }
}

function checkOptions(options: MemoryStoresOptions): void {
  checkOptionNames('memoryStores', options, MEMORY_STORES_OPTIONS)
  const { maxRows, onFull } = options
  if (maxRows === undefined && onFull !== undefined)
    throw new JoineryError('OPTION_INVALID', `onFull is ${onFull}, but maxRows is not set: set both, or neither`)
  if (maxRows !== undefined && (!Number.isSafeInteger(maxRows) || maxRows < 1))
    throw new JoineryError('OPTION_INVALID', `maxRows is ${maxRows}: use a whole number of at least 1`)
  if (onFull !== undefined && onFull !== 'halt' && onFull !== 'evict-and-lose-rows')
    throw new JoineryError('OPTION_INVALID', `onFull is ${String(onFull)}: use 'halt' or 'evict-and-lose-rows'`)
}

function newContents({ name, token, changelogId }: StoreId, { maxRows, onFull }: MemoryStoresOptions): Contents {
  // every other store has a name with $, and must not lose anything
  const isTable = !name.startsWith('$')
  const evicts = isTable && maxRows !== undefined && onFull === 'evict-and-lose-rows'
  return {
    isTable,
    rows: evicts ? new EvictingRows(maxRows) : new PackedRows(),
    maxRows: isTable ? maxRows : undefined,
    position: undefined,
    token,
    changelogId,
  }
}

class MemoryStore implements StateStore {
  readonly #id: StoreId
  readonly #contents: Contents
  readonly #discard: () => void
  /** The rows that were evicted before this owner opened the store. */
  readonly #evictedBefore: number
  #isClosed = false

  constructor(id: StoreId, contents: Contents, discard: () => void) {
    this.#id = id
    this.#contents = contents
    this.#discard = discard
    this.#evictedBefore = evictedOf(contents)
    if (id.changelogId === contents.changelogId && id.token < contents.token) throw this.#fenced()
    contents.token = id.token
    contents.changelogId = id.changelogId
  }

  get position(): string | undefined {
    return this.#contents.position
  }

  get lostRows(): number {
    return evictedOf(this.#contents) - this.#evictedBefore
  }

  get storedBytes(): number {
    return this.#contents.rows.bytes
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#check()
    const { rows } = this.#contents
    return keys.map((key) => rows.get(keyText(key)))
  }

  commit(changes: readonly Change[], position: string): void {
    this.#check()
    const { rows, maxRows } = this.#contents
    for (const { key, value } of changes) {
      if (value === null) rows.delete(keyText(key))
      else rows.set(keyText(key), value)
    }
    if (maxRows !== undefined && rows.size > maxRows) throw this.#full()
    this.#contents.position = position
  }

  entries(): Iterable<readonly [Uint8Array, Uint8Array]> {
    this.#check()
    return entriesOf(this.#contents.rows.entries())
  }

  clear(): void {
    this.#check()
    this.#contents.rows.clear()
    this.#contents.position = undefined
  }

  close(): void {
    if (!this.#isClosed && this.#isOwner()) this.#discard()
    this.#isClosed = true
  }

  #check(): void {
    if (this.#isClosed)
      throw new JoineryError('STORE_CLOSED', `store ${this.#id.name}[${this.#id.partition}] was closed`)
    if (!this.#isOwner()) throw this.#fenced()
  }

  #isOwner(): boolean {
    return this.#id.token === this.#contents.token && this.#id.changelogId === this.#contents.changelogId
  }

  #full(): JoineryError {
    const { rows, maxRows } = this.#contents
    const { name, partition } = this.#id
    return new JoineryError(
      'STORE_FULL',
      `store ${name}[${partition}] has ${rows.size} rows, more than maxRows (${maxRows}): raise maxRows, use a store on disk, or set onFull to 'evict-and-lose-rows'`,
      { topic: name, partition },
    )
  }

  #fenced(): JoineryError {
    const { name, partition } = this.#id
    return new JoineryError('STORE_FENCED', `a later owner has opened store ${name}[${partition}]`, {
      topic: name,
      partition,
      retriable: true,
    })
  }
}

function* entriesOf(
  rows: Iterable<readonly [string, Uint8Array]>,
): Generator<readonly [Uint8Array, Uint8Array], void, void> {
  for (const [text, value] of rows) yield [bytesOf(text), value]
}

const evictedOf = ({ rows }: Contents): number => (rows instanceof EvictingRows ? rows.evicted : 0)
