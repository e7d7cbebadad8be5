import { isJoineryError, JoineryError } from '../../errors.js'
import type { TaskToken } from '../../log/contract.js'
import type { StateStore, StateStores } from '../../store/contract.js'
import { CheckedStore } from './checked-store.js'
import type { PendingStoreCalls } from './pending-store-calls.js'
import type { StoredBytes } from './stored-bytes.js'

/** Options of {@link TaskStores}. */
export interface TaskStoresOptions {
  readonly stores: StateStores
  readonly application: string
  readonly partition: number
  /** Sums up how much is stored. */
  readonly storedBytes?: StoredBytes
}

/** A task's stores. They are reopened with the new owner's token each time the task is opened. */
export class TaskStores {
  readonly #stores: StateStores
  readonly #application: string
  readonly #partition: number
  /** The calls of these stores that have not returned. */
  readonly calls: PendingStoreCalls | undefined
  readonly #storedBytes: StoredBytes | undefined
  #open: readonly StateStore[] = []

  constructor({ stores, application, partition, storedBytes }: TaskStoresOptions, calls?: PendingStoreCalls) {
    this.#storedBytes = storedBytes
    this.#stores = stores
    this.#application = application
    this.#partition = partition
    this.calls = calls
  }

  /**
   * Opens stores before it closes those that were opened before, so that contents in memory pass from one to the other.
   *
   * @throws JoineryError `STORE_FAILED`, or the JoineryError of the store
   */
  async open(names: readonly string[], token: TaskToken): Promise<ReadonlyMap<string, StateStore>> {
    const opened = new Map<string, StateStore>()
    const earlier = this.#open
    for (const name of names) {
      const id = {
        application: this.#application,
        name,
        partition: this.#partition,
        token: token.offset,
        changelogId: token.topicId,
      }
      try {
        const opening = Promise.resolve(this.#stores.open(id))
        const store = await (this.calls?.track(`open of store ${name}[${this.#partition}]`, opening) ?? opening)
        const checked = new CheckedStore(store, { name, partition: this.#partition, calls: this.calls })
        opened.set(name, checked)
        this.#open = [...this.#open, checked]
      } catch (cause) {
        if (isJoineryError(cause)) throw cause
        throw new JoineryError(
          'STORE_FAILED',
          `store ${name}[${this.#partition}] cannot be opened: ${String(cause)}; check the options of the stores`,
          { cause, topic: name, partition: this.#partition },
        )
      }
    }
    this.#open = [...opened.values()]
    this.#storedBytes?.opened(this, opened)
    for (const store of earlier) await store.close()
    return opened
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = []
    for (const store of open) await store.close()
    this.#storedBytes?.closed(this)
  }
}
