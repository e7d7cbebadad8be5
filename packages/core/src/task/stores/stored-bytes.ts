import type { StateStore } from '../../store/contract.js'

/** The stores of one task, by name. */
type StoreSizes = ReadonlyMap<string, Pick<StateStore, 'storedBytes'>>

/** How many bytes of rows the stores hold that the tasks of this instance have open. */
export class StoredBytes {
  readonly #open = new Map<object, StoreSizes>()
  #freed: (() => void) | undefined

  /** @param freed called when stores were closed */
  whenFreed(freed: () => void): void {
    this.#freed = freed
  }

  /** @param task identifies the task: the stores that it has opened before are closed */
  opened(task: object, stores: StoreSizes): void {
    this.#open.set(task, stores)
  }

  closed(task: object): void {
    if (this.#open.delete(task)) this.#freed?.()
  }

  /** @returns the bytes of a table in all tasks; `undefined` if no store knows them */
  of(table: string): number | undefined {
    let sum: number | undefined
    for (const stores of this.#open.values()) {
      const bytes = stores.get(table)?.storedBytes
      if (bytes !== undefined) sum = (sum ?? 0) + bytes
    }
    return sum
  }
}
