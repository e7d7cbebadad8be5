/**
 * The transactions of other instances that this one has ended, by transactional id. An instance that crashed may hold up the
 * changelogs of many tasks: its transaction is ended once for all of them.
 */
export class EndedTransactions {
  readonly #ends = new Map<string, Promise<void>>()

  /** Ends the transaction of an id, unless that is under way, or has succeeded: no other follows under this id. */
  once(transactionalId: string, end: () => Promise<unknown>): Promise<void> {
    return this.#ends.get(transactionalId) ?? this.#run(transactionalId, end)
  }

  /** Ends what hangs in a partition, one partition of an id after the other: each one begins a new epoch. */
  inTurn(transactionalId: string, end: () => Promise<unknown>): Promise<void> {
    const before = this.#ends.get(transactionalId) ?? Promise.resolve()
    return this.#run(transactionalId, () => before.catch(() => {}).then(end))
  }

  #run(transactionalId: string, end: () => Promise<unknown>): Promise<void> {
    const ending = end().then(() => {})
    this.#ends.set(transactionalId, ending)
    ending.catch(() => this.#ends.get(transactionalId) === ending && this.#ends.delete(transactionalId))
    return ending
  }
}
