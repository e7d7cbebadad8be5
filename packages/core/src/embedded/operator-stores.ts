import { parseChangelogKey, rowBytes, rowKey, rowValue } from '../changelog/keys.js'
import { decodePosition, encodePosition } from '../changelog/position-record.js'
import { JoineryError } from '../errors.js'
import type { ChangelogRecord } from '../log/contract.js'
import type { Totals } from '../outcome/totals.js'
import { keyText } from '../serde/key-text.js'
import type { Awaitable, Change, StateStore, StateStores } from '../store/contract.js'
import type { Position } from '../task/pipeline-fingerprint.js'
import { WAITERS } from '../task/stores/store-names.js'
import { TaskStores } from '../task/stores/task-stores.js'
import type { ChangelogOf } from './operator.js'

/** Changes collected before they are committed to a store. */
const BATCH_SIZE = 5_000

type Changes = Map<string, Map<string, Change>>

/**
 * An operator's stores: one for the rows of each table, and one for waiting events, whose position is the operator's.
 * It is committed last, so whatever a crash has left in the others is ignored.
 */
export class OperatorStores {
  readonly #open: TaskStores
  readonly #stores: ReadonlyMap<string, StateStore>

  private constructor(open: TaskStores, stores: ReadonlyMap<string, StateStore>) {
    this.#open = open
    this.#stores = stores
  }

  /** Opens the stores, and clears them if nothing was ever committed. */
  static async open(
    stores: StateStores,
    {
      application,
      partition,
      token,
    }: { readonly application: string; readonly partition: number; readonly token: number },
    tables: readonly string[],
  ): Promise<OperatorStores> {
    const open = new TaskStores({ stores, application, partition })
    try {
      const opened = await open.open([WAITERS, ...tables], { topicId: 'operator', offset: token })
      const made = new OperatorStores(open, opened)
      if (made.position === undefined) await made.clear()
      return made
    } catch (error) {
      await open.close()
      throw error
    }
  }

  /** As of the last commit; `undefined` for a new operator. */
  get position(): Position | undefined {
    const { position } = this.#of(WAITERS)
    return position === undefined ? undefined : fromText(position)
  }

  get lostRows(): number {
    let sum = 0
    for (const { lostRows = 0 } of this.#stores.values()) sum += lostRows
    return sum
  }

  /** Committed rows of a table. */
  rows(topic: string, keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]> {
    return this.#of(topic).getMany(keys)
  }

  /** Waiting events, by their changelog keys. */
  waiters(): ReturnType<StateStore['entries']> {
    return this.#of(WAITERS).entries()
  }

  /** @param changes by store */
  async commit(changes: ReadonlyMap<string, ReadonlyMap<string, Change>>, position: Position): Promise<void> {
    const text = toText(position)
    for (const [name, of] of changes)
      if (name !== WAITERS && this.#stores.has(name)) await this.#commit(name, [...of.values()], text)
    await this.#commit(WAITERS, [...(changes.get(WAITERS)?.values() ?? [])], text)
  }

  /**
   * Replaces the state by that of a changelog up to its last POSITION. Records after it belong to a step that was not
   * completed, and would be taken for a part of the next step.
   *
   * @returns records that revert them, to be written before the POSITION of the next step
   */
  async restore(changelog: Iterable<ChangelogOf> | AsyncIterable<ChangelogOf>): Promise<readonly ChangelogRecord[]> {
    await this.clear()
    let step: Changes = new Map()
    const rows: Changes = new Map()
    const waiters = new Map<string, Change>()
    let position: Position | undefined
    for await (const { key, value } of changelog) {
      if (key === null) continue
      const parsed = parseChangelogKey(key)
      if (parsed.kind === 'waiter') put(step, WAITERS, { key, value })
      else if (parsed.kind === 'row') put(step, parsed.table, { key: parsed.key, value: value && rowBytes(value) })
      if (parsed.kind !== 'position' || value === null) continue
      position = decodePosition<Totals>(value)
      for (const [name, changes] of step) {
        for (const change of changes.values()) {
          if (name !== WAITERS) put(rows, name, change)
          else if (change.value === null) waiters.delete(keyText(change.key))
          else waiters.set(keyText(change.key), change)
        }
      }
      step = new Map()
      // if this is interrupted, these rows are ignored, because the waiting events have no position
      for (const [name, changes] of rows) if (changes.size >= BATCH_SIZE) await this.#flush(rows, name)
    }
    // without POSITION no step has been completed
    if (position !== undefined) await this.commit(new Map([...rows, [WAITERS, waiters]]), position)
    return this.#recordsOf(step)
  }

  /** Records with the keys of changes and their committed values. */
  async #recordsOf(changes: Changes): Promise<readonly ChangelogRecord[]> {
    const records: ChangelogRecord[] = []
    for (const [name, of] of changes) {
      const store = this.#stores.get(name)
      if (store === undefined) continue
      const keys = Array.from(of.values(), ({ key }) => key)
      const values = await store.getMany(keys)
      keys.forEach((key, i) => {
        const value = values[i] ?? null
        records.push(name === WAITERS ? { key, value } : { key: rowKey(name, key), value: value && rowValue(value) })
      })
    }
    return records
  }

  /** Clears all stores. */
  async clear(): Promise<void> {
    // waiting events come first: without their position the other stores are ignored
    for (const store of this.#stores.values()) await store.clear()
  }

  close(): Promise<void> {
    return this.#open.close()
  }

  async #flush(rows: Changes, name: string): Promise<void> {
    const changes = rows.get(name)
    rows.delete(name)
    if (this.#stores.has(name)) await this.#commit(name, [...(changes?.values() ?? [])], '')
  }

  async #commit(name: string, changes: readonly Change[], position: string): Promise<void> {
    await this.#of(name).commit(changes, position)
  }

  #of(name: string): StateStore {
    return this.#stores.get(name) as StateStore
  }
}

function put(changes: Changes, name: string, change: Change): void {
  const of = changes.get(name) ?? new Map<string, Change>()
  changes.set(name, of.set(keyText(change.key), change))
}

/** Encoded as in the changelog, with one character for each byte. */
const toText = (position: Position): string => keyText(encodePosition(position))

function fromText(text: string): Position {
  try {
    return decodePosition<Totals>(Buffer.from(text, 'latin1'))
  } catch (cause) {
    const what = 'the stores do not hold the state of an operator'
    throw new JoineryError('OPTION_INVALID', `${what}: use another application name, or other stores`, { cause })
  }
}
