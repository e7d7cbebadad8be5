import { JoineryError } from '../errors.js'
import type { Change, StateStore, StateStores } from './contract.js'
import { keyText } from './key-text.js'

/** Stores in this process's memory. Fast, and gone when closed: the log rebuilds them. */
export function memoryStores(): StateStores {
  return { open: () => new MemoryStore() }
}

class MemoryStore implements StateStore {
  readonly #rows = new Map<string, readonly [Uint8Array, Uint8Array]>()
  #position: string | undefined
  #isClosed = false

  get position(): string | undefined {
    return this.#position
  }

  getMany(keys: readonly Uint8Array[]): readonly (Uint8Array | undefined)[] {
    this.#check()
    return keys.map((key) => this.#rows.get(keyText(key))?.[1])
  }

  commit(changes: readonly Change[], position: string): void {
    this.#check()
    for (const { key, value } of changes) {
      if (value === null) this.#rows.delete(keyText(key))
      else this.#rows.set(keyText(key), [owned(key), owned(value)])
    }
    this.#position = position
  }

  entries(): Iterable<readonly [Uint8Array, Uint8Array]> {
    this.#check()
    return this.#rows.values()
  }

  clear(): void {
    this.#check()
    this.#rows.clear()
    this.#position = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#rows.clear()
  }

  #check(): void {
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', 'the store was closed')
  }
}

/** A row must not keep the whole buffer alive that it was cut from. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + 64 ? Uint8Array.from(bytes) : bytes
}
