import type { WriteBatch } from './write-batch.js'

/**
 * What a task has computed and its stores do not hold yet: the batch that takes effects, and the batch whose commit is in
 * flight. Reads look into both before they ask a store.
 */
export class UncommittedWork {
  readonly #newBatch: () => WriteBatch
  #current: WriteBatch
  #inFlight: WriteBatch | undefined
  #batches: readonly WriteBatch[]

  constructor(newBatch: () => WriteBatch) {
    this.#newBatch = newBatch
    this.#current = newBatch()
    this.#batches = [this.#current]
  }

  /** The batch that takes effects. */
  get current(): WriteBatch {
    return this.#current
  }

  /** All batches, newest first: a change in an earlier one hides that of a later one, and both hide the store's. */
  get batches(): readonly WriteBatch[] {
    return this.#batches
  }

  /** The newest batch with anything in it; `undefined` if all is in the stores. */
  get newest(): WriteBatch | undefined {
    return this.#current.isEmpty ? this.#inFlight : this.#current
  }

  /** Bytes of all batches. */
  get bytes(): number {
    return this.#current.bytes + (this.#inFlight?.bytes ?? 0)
  }

  /** Whether the stores do not hold a batch yet. */
  includes(batch: WriteBatch): boolean {
    return this.#batches.includes(batch)
  }

  /**
   * Begins a commit. Call {@link stored} before the next one.
   *
   * @returns the batch to commit; effects go into a new one
   */
  take(): WriteBatch {
    const batch = this.#current
    this.#inFlight = batch
    this.#current = this.#newBatch()
    this.#batches = [this.#current, batch]
    return batch
  }

  /** The batch in flight is in the log, and the stores hold it. */
  stored(): void {
    this.#inFlight = undefined
    this.#batches = [this.#current]
  }
}
