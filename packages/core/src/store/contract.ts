/** A value, or a promise of one: stores may answer either way. */
export type Awaitable<T> = T | Promise<T>

/** Which store is opened. Stores that differ in any of the first three share nothing. */
export interface StoreId {
  /** The application: 1 to 200 letters, digits, '.', '_' or '-'. Case counts. */
  readonly application: string
  /** A table's topic (1 to 249 of the same characters), or `$waiters` for the waiting events. */
  readonly name: string
  /** The task. */
  readonly partition: number
  /** Rises with each owner of the task; a store that others may open too refuses lower ones (`STORE_FENCED`). */
  readonly token: number
  /** The changelog that the token counts in. Tokens of two changelogs cannot be compared: the last to open is the owner. */
  readonly changelogId: string
}

/**
 * An absolute change: put, or delete where `value` is `null`. Applying it twice is the same as once. Its bytes may be views
 * of what was read from the log at once: a store that keeps rows in this process's memory copies them.
 */
export interface Change {
  /** Any bytes, the empty ones included. */
  readonly key: Uint8Array
  /** `null` deletes; empty bytes are a value. */
  readonly value: Uint8Array | null
}

/**
 * A view of a changelog, and the position up to which it reflects it. The log commits first, stores follow: whatever a
 * store loses is replayed from its position.
 *
 * A store that finds that it has a later owner answers `STORE_FENCED`, one that finds that it has lost what it had
 * acknowledged `STORE_BEHIND`, to any call: the task then opens it again and replays.
 */
export interface StateStore {
  /** As the last commit that succeeded gave it; `undefined` when new or cleared. Any text, opaque to the store. */
  readonly position: string | undefined
  /**
   * How many rows it has let go since it was opened, though nobody has deleted them: they are missing, and nothing brings them
   * back. Left out by a store that keeps what it is given.
   */
  readonly lostRows?: number
  /**
   * Values in the order of the keys, as of the last commit that was acknowledged before the call, or newer. The caller
   * does not change the bytes that it gives or gets; nor does the store, as long as anybody holds them.
   */
  getMany(keys: readonly Uint8Array[]): Awaitable<readonly (Uint8Array | undefined)[]>
  /**
   * Applies changes in order, then the position. It need not be atomic if the position comes last: one that fails may
   * leave a part of its changes, and the position as it was. Never two at once; reads may run beside it.
   */
  commit(changes: readonly Change[], position: string): Awaitable<void>
  /**
   * All live entries, each once, in any order. A commit while it runs may or may not show. One that cannot go on, because
   * the store was closed or fenced, fails; it never ends early.
   */
  entries():
    | Iterable<readonly [key: Uint8Array, value: Uint8Array]>
    | AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>
  /** Deletes the rows and the position: the log no longer reaches back to it. */
  clear(): Awaitable<void>
  /** Idempotent. Afterwards every call fails with `STORE_CLOSED`. A later owner's store is not touched. */
  close(): Awaitable<void>
}

/** Where stores come from. */
export interface StateStores extends Partial<AsyncDisposable> {
  /** Sizes of what the stores hold, by name; they are told with the application's gauges. */
  gauges?(): Readonly<Record<string, number>>
  /**
   * Opens a store, or makes an empty one. A later owner, with a higher token, may open it before the earlier one has
   * closed it, in this process or another: it takes the contents over, and the earlier one's calls fail with
   * `STORE_FENCED`. A store that nobody else can open may instead give each owner an empty one. So may any store where
   * the changelog is another one than before.
   */
  open(id: StoreId): Awaitable<StateStore>
}
