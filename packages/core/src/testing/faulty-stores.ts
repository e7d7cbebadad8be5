import type { Change, StateStore, StateStores } from '../store/contract.js'
import { checkOptionNames } from '../unknown-options.js'

/** Decides for each call whether it fails. Calls are counted from 1, over all stores. */
export interface StoreFaults {
  /**
   * Decides about a commit.
   *
   * @returns how many of its changes it writes before it fails, without the position; `undefined` if it succeeds
   */
  readonly commit?: (call: number, changes: number) => number | undefined
  /**
   * Decides about a read.
   *
   * @returns whether it fails
   */
  readonly getMany?: (call: number) => boolean
}

const STORE_FAULTS: Readonly<Record<keyof StoreFaults, true>> = { commit: true, getMany: true }

/**
 * Wraps stores so that calls of them fail. A commit that fails may have written some of its changes, but never the position.
 *
 * @returns the stores that fail
 *
 * @example
 * ```ts
 * await using driver = await testDriver(notify, {
 *   stores: faultyStores(memoryStores(), { commit: (call) => (call === 1 ? 0 : undefined) }),
 * })
 * await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
 * assert.deepEqual(await driver.query(information).get('p1'), { externalId: 'x1' })
 * ```
 */
export function faultyStores(stores: StateStores, faults: StoreFaults): StateStores {
  checkOptionNames('faultyStores', faults, STORE_FAULTS)
  let commits = 0
  let reads = 0
  const faultyStore = (store: StateStore): StateStore => ({
    get position() {
      return store.position
    },
    get lostRows() {
      return store.lostRows ?? 0
    },
    get storedBytes() {
      return store.storedBytes
    },
    getMany(keys) {
      if (faults.getMany?.(++reads)) throw new Error('faultyStores: this read fails in this test')
      return store.getMany(keys)
    },
    async commit(changes: readonly Change[], position: string) {
      const written = faults.commit?.(++commits, changes.length)
      if (written === undefined) return store.commit(changes, position)
      const before = store.position
      if (before !== undefined) await store.commit(changes.slice(0, written), before)
      throw new Error('faultyStores: this commit fails in this test')
    },
    entries: () => store.entries(),
    clear: () => store.clear(),
    close: () => store.close(),
  })
  return {
    open: async (id) => faultyStore(await stores.open(id)),
    ...(stores.gauges && { gauges: () => stores.gauges?.() as Readonly<Record<string, number>> }),
    ...(stores[Symbol.asyncDispose] && {
      [Symbol.asyncDispose]: () => stores[Symbol.asyncDispose]?.() as Promise<void>,
    }),
  }
}
