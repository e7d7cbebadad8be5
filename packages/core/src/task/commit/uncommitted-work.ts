import type { WriteBatch } from './write-batch.js'

/**
 * The work of a task that its stores do not hold yet: the batch that collects effects, and the batch whose commit is in flight.
 * Reads check both before the store.
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

  /** The batch that collects effects. */
  get current(): WriteBatch {
    return this.#current
  }

  /** All batches, newest first: a change in an earlier one takes precedence over the later ones and the store. */
  get batches(): readonly WriteBatch[] {
    return this.#batches
  }

  /** The newest batch that is not empty; `undefined` if the stores hold everything. */
  get newest(): WriteBatch | undefined {
    return this.#current.isEmpty ? this.#inFlight : this.#current
  }

  /** Bytes of all batches. */
  get bytes(): number {
    return this.#current.bytes + (this.#inFlight?.bytes ?? 0)
  }

  /** Whether this batch is not in the stores yet. */
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

  /** The batch in flight is in the log and in the stores. */
  stored(): void {
    this.#inFlight = undefined
    this.#batches = [this.#current]
  }
}
