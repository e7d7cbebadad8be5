import { keyText } from '../../serde/key-text.js'
import type { Awaitable } from '../../store/contract.js'
import type { RowCache } from '../../store/row-cache.js'
import { StoredRow } from '../../store/stored-row.js'
import type { RowChange, WriteBatch } from '../commit/write-batch.js'

/** The rows of one table: uncommitted changes take precedence over cached rows, and those over the store. */
export class RowReader {
  readonly #name: string
  readonly #getMany: (keys: readonly Uint8Array[]) => Awaitable<readonly (Uint8Array | undefined)[]>
  readonly #cache: RowCache | undefined
  /** Number of commits to the store: rows read before the latest one may be outdated. */
  #commits = 0
  /** Stored so that the compiler does not eliminate {@link objectsIn}. */
  #objects = 0

  /**
   * @param name the name of the table's store, under which batches hold its changes
   * @param getMany reads committed rows
   * @param cache holds decoded rows
   */
  constructor(
    name: string,
    getMany: (keys: readonly Uint8Array[]) => Awaitable<readonly (Uint8Array | undefined)[]>,
    cache?: RowCache,
  ) {
    this.#name = name
    this.#getMany = getMany
    this.#cache = cache
  }

  /** Number of decoded rows in the cache. */
  get cached(): number {
    return this.#cache?.size ?? 0
  }

  /** The rows of keys, as they will be once `batches` (newest first) are committed. */
  read(keys: readonly Uint8Array[], batches: readonly WriteBatch[]): Awaitable<readonly (StoredRow | undefined)[]> {
    const overlays = batches.flatMap((batch) => batch.stores.get(this.#name) ?? [])
    const rows = new Array<StoredRow | undefined>(keys.length)
    const missing: number[] = []
    for (let i = 0; i < keys.length; i++) {
      const text = keyText(keys[i] as Uint8Array)
      const change = changeOf(overlays, text)
      if (change !== undefined) rows[i] = rowOf(change)
      else {
        rows[i] = this.#cache?.get(text)
        if (rows[i] === undefined) missing.push(i)
      }
    }
    if (missing.length === 0) {
      this.#objects += objectsIn(rows)
      return rows
    }
    const begun = this.#commits
    const fill = (found: readonly (Uint8Array | undefined)[]) => {
      const isCurrent = begun === this.#commits
      missing.forEach((at, i) => {
        const bytes = found[i]
        if (bytes === undefined) return
        const row = new StoredRow(bytes)
        rows[at] = row
        if (isCurrent) this.#cache?.set(keyText(keys[at] as Uint8Array), row)
      })
      return rows
    }
    const found = this.#getMany(missing.map((i) => keys[i] as Uint8Array))
    return found instanceof Promise ? found.then(fill) : fill(found)
  }

  /** The store has committed these changes: updates the cache. */
  committed(changes: ReadonlyMap<string, RowChange>): void {
    this.#commits++
    if (this.#cache === undefined) return
    for (const [text, change] of changes) {
      const row = rowOf(change)
      if (row === undefined) this.#cache.delete(text)
      else this.#cache.set(text, row)
    }
  }
}

/**
 * Counts rows, in order to load them into the processor's cache: they are scattered over memory. In this loop many of
 * these loads overlap; in the join each row would be waited for.
 */
function objectsIn(rows: readonly (StoredRow | undefined)[]): number {
  let count = 0
  for (const row of rows) if (row?.isObject) count++
  return count
}

function changeOf(overlays: readonly ReadonlyMap<string, RowChange>[], text: string): RowChange | undefined {
  for (const overlay of overlays) {
    const change = overlay.get(text)
    if (change !== undefined) return change
  }
  return undefined
}

const rowOf = ({ value, row }: RowChange): StoredRow | undefined =>
  row ?? (value === null ? undefined : new StoredRow(value))
