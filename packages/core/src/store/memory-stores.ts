import { JoineryError } from '../errors.js'
import type { Change, StateStore, StateStores, StoreId } from './contract.js'
import { keyText } from './key-text.js'

/** What handles of one store share. */
interface Contents {
  /** Values by key, one character for each of its bytes. */
  readonly rows: Map<string, Uint8Array>
  position: string | undefined
  /** The newest owner, in this changelog. */
  token: number
  changelogId: string
}

/**
 * Stores in this process's memory. Fast, and gone when the last owner closes them: the log rebuilds them.
 *
 * @example
 * ```ts
 * await using app = await run(notify, { application: 'service-a', log, stores: memoryStores() })
 * ```
 */
export function memoryStores(): StateStores {
  const stores = new Map<string, Contents>()
  return {
    open(id) {
      const name = JSON.stringify([id.application, id.name, id.partition])
      const contents = stores.get(name) ?? {
        rows: new Map(),
        position: undefined,
        token: id.token,
        changelogId: id.changelogId,
      }
      stores.set(name, contents)
      return new MemoryStore(id, contents, () => {
        if (stores.get(name) === contents) stores.delete(name)
      })
    },
  }
}

class MemoryStore implements StateStore {
  readonly #id: StoreId
  readonly #contents: Contents
  readonly #forget: () => void
  #isClosed = false

  constructor(id: StoreId, contents: Contents, forget: () => void) {
    this.#id = id
    this.#contents = contents
    this.#forget = forget
    if (id.changelogId === contents.changelogId && id.token < contents.token) throw this.#fenced()
    contents.token = id.token
    contents.changelogId = id.changelogId
  }

  get position(): string | undefined {
    return this.#contents.position
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#check()
    const { rows } = this.#contents
    return keys.map((key) => rows.get(keyText(key)))
  }

  commit(changes: readonly Change[], position: string): void {
    this.#check()
    const { rows } = this.#contents
    for (const { key, value } of changes) {
      if (value === null) rows.delete(keyText(key))
      else rows.set(keyText(key), owned(value))
    }
    this.#contents.position = position
  }

  entries(): Iterable<readonly [Uint8Array, Uint8Array]> {
    this.#check()
    return entriesOf(this.#contents.rows)
  }

  clear(): void {
    this.#check()
    this.#contents.rows.clear()
    this.#contents.position = undefined
  }

  close(): void {
    if (!this.#isClosed && this.#isOwner()) this.#forget()
    this.#isClosed = true
  }

  #check(): void {
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.#id.name} was closed`)
    if (!this.#isOwner()) throw this.#fenced()
  }

  #isOwner(): boolean {
    return this.#id.token === this.#contents.token && this.#id.changelogId === this.#contents.changelogId
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

function* entriesOf(rows: ReadonlyMap<string, Uint8Array>): Generator<readonly [Uint8Array, Uint8Array], void, void> {
  for (const [text, value] of rows) yield [Buffer.from(text, 'latin1'), value]
}

/** A row must not keep the whole buffer alive that it was cut from. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + 64 ? Uint8Array.from(bytes) : bytes
}
