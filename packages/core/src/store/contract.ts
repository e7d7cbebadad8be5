/** A value or a promise of it: a store may return either. */
export type Awaitable<T> = T | Promise<T>

/** Identifies a store, and the owner that opens it. Stores that differ in application, name or partition share nothing. */
export interface StoreId {
  /** The application: 1 to 200 letters, digits, '.', '_' or '-'. It is case-sensitive. */
  readonly application: string
  /**
   * The topic of a table (1 to 249 of the same characters), or a name that begins with `$`: `$waiters` for events that
   * wait, `$calls` for calls.
   */
  readonly name: string
  /** The partition, which is also the number of the task. */
  readonly partition: number
  /** Orders owners: a later owner has a higher token. A store that several owners can reach rejects lower tokens (`STORE_FENCED`). */
  readonly token: number
  /**
   * The changelog that the token belongs to. Tokens of different changelogs cannot be compared: the last to open is the owner. A
   * changelog that was deleted and created again has another id; the earlier id never comes back. If it does, two changelogs are in
   * use, and the store may refuse one of them with `OPTION_INVALID`.
   */
  readonly changelogId: string
}

/**
 * A change of one row. It is absolute, so applying it twice has the same effect as applying it once. Its bytes may be
 * views of a larger buffer that was read from the log: a store that keeps rows in memory has to copy them.
 */
export interface Change {
  /** Any bytes, including none. */
  readonly key: Uint8Array
  /** `null` deletes the row; empty bytes are a value. */
  readonly value: Uint8Array | null
}

/**
 * A materialised view of a changelog: the rows, and the position in the log up to which they are complete. The log commits
 * first and the store follows, so the runtime replays whatever a store loses, from the store's position onwards.
 *
 * Any call can fail with `STORE_FENCED` if the store has a later owner, or with `STORE_BEHIND` if the store detects that it
 * has lost changes that it had acknowledged. The task then opens the store again and replays.
 */
export interface StateStore {
  /** The position of the last successful commit; `undefined` if the store is new or was cleared. Any text, opaque to the store. */
  readonly position: string | undefined
  /**
   * The number of rows that the store has evicted since it was opened, without a change that deleted them. These rows are
   * missing permanently. Omit it if the store never evicts rows.
   */
  readonly lostRows?: number | undefined
  /**
   * The bytes of the keys and values of all rows that the store holds now, including those of earlier owners and those that a
   * failed commit has left. It is read for every batch of table records, so it must be known without reading rows. `maxBytes` of a
   * table and `maxTableBytes` of `run` require it. Omit it if the store does not know.
   */
  readonly storedBytes?: number | undefined
  /**
   * Reads rows, as of the last commit that was acknowledged before the call, or newer. The caller changes neither the bytes
   * it passes nor the bytes it gets. The store never changes bytes that it has returned.
   *
   * @returns one value for each key, in the order of `keys`; `undefined` if there is no row
   */
  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]>
  /**
   * Applies changes in order, then sets the position. It need not be atomic as long as the position is set last: a commit
   * that fails may leave some of its changes, and must leave the previous position. Two commits never overlap; reads may
   * run at the same time.
   */
  commit(changes: readonly Change[], position: string): Awaitable<void>
  /**
   * Iterates over all rows. Commits during the iteration may or may not be visible in it. If the store is closed or fenced
   * during the iteration, the iteration fails; it never ends early as if it were complete.
   *
   * @returns each row once, in any order
   */
  entries():
    | Iterable<readonly [key: Uint8Array, value: Uint8Array]>
    | AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>
  /** Deletes all rows and the position. Joinery calls it when the log no longer reaches back to the position. */
  clear(): Awaitable<void>
  /** Closes this owner's handle. Idempotent. Every later call fails with `STORE_CLOSED`. Handles of later owners stay open. */
  close(): Awaitable<void>
}

/** A factory of state stores, such as the option `stores` of `run`. */
export interface StateStores extends Partial<AsyncDisposable> {
  /** @returns the sizes of what the stores hold, by name; `app.metrics().gauges` includes them */
  gauges?(): Readonly<Record<string, number>>
  /**
   * Opens a store, or creates an empty one.
   *
   * A later owner, with a higher token, may open the store before the earlier owner closes it, in this process or another.
   * It takes over the contents, and calls of the earlier owner fail with `STORE_FENCED`. There are two exceptions: a store
   * that only one owner can reach may give each owner an empty store, and so may any store whose changelog is not the
   * same as before.
   *
   * @returns this owner's handle of the store
   */
  open(id: StoreId): Awaitable<StateStore>
}
