import assert from 'node:assert/strict'
import type { Awaitable, StateStores } from '../../store/contract.js'
import type { TestApi } from '../test-api.js'
import { storeClosingSuite } from './store-closing-suite.js'
import { storeCommitSuite } from './store-commit-suite.js'
import { storeContentsSuite } from './store-contents-suite.js'
import { storeIsolationSuite, storeReopeningSuite } from './store-identity-suite.js'
import { storeModelSuite } from './store-model-suite.js'
import { storeOwnersSuite } from './store-owners-suite.js'
import { holds, isEmpty, put } from './store-probe.js'
import { storeReadingSuite } from './store-reading-suite.js'
import { type StoreTest, StoreTrial } from './store-trial.js'

/** What a store cannot do, so that the suite does not ask for it. */
export interface StateStoreSuiteOptions {
  /**
   * `false` for a store whose contents are gone when its last owner has closed it. It comes back empty and without a
   * position then, never with one of the two.
   * @defaultValue `true`
   */
  readonly durable?: boolean
  /**
   * `false` for a store that two processes cannot have open at once. `true` is tried with two factories' stores at one place.
   * @defaultValue `true`
   */
  readonly shared?: boolean
  /**
   * Of the random histories: each is one test, with the seed in its title.
   * @defaultValue `[1, 2, 3, 4, 5]`
   */
  readonly seeds?: readonly number[]
}

/**
 * What every state store has to do, as tests for any runner. Give it the runner's `describe` and `it`, and a function that
 * makes stores: fresh and empty ones for a place that it has not been called with before, such as a folder or a prefix of
 * that name; for the same place again the same ones, as another process would open them. A store that is not `durable`
 * need not look at the place.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'
 *
 * stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores(), { durable: false, shared: false })
 * ```
 */
export function stateStoreSuite(
  { describe, it }: TestApi,
  name: string,
  fresh: (place: string) => Awaitable<StateStores>,
  { durable = true, shared = true, seeds = [1, 2, 3, 4, 5] }: StateStoreSuiteOptions = {},
): void {
  let places = 0
  const place = () => `place-${++places}`
  const test: StoreTest = (title, body) =>
    it(title, async () => {
      const trial = new StoreTrial({ fresh, durable, shared }, place())
      try {
        await body(trial)
      } catch (error) {
        await trial.leave().catch(() => {}) // what the test has found is what counts
        throw error
      }
      await trial.leave()
    })
  const section = (title: string, body: () => void) => describe(`${name}: ${title}`, body)

  section('the factory', () => {
    test('makes fresh stores for each place', async (trial) => {
      const store = await trial.open()
      await isEmpty(store, ['a'])
      await store.commit([put('a', '1')], 'p')
      const elsewhere = new StoreTrial({ fresh, durable, shared }, place())
      await isEmpty(await elsewhere.open(), ['a'])
      await elsewhere.leave()
      await holds(store, new Map([['a', '1']]))
    })

    if (durable)
      test('makes the same stores for the same place, or says { durable: false }', async (trial) => {
        await (await trial.open()).commit([put('a', '1')], 'p')
        await trial.leave()
        const again = await trial.open()
        assert.equal(again.position, 'p', 'a factory that is called with the same place gives what was there')
        await holds(again, new Map([['a', '1']]))
      })
  })
  section('keys and values', () => storeContentsSuite(test))
  section('commits', () => storeCommitSuite(test))
  section('isolation', () => storeIsolationSuite(test))
  section('opening again', () => storeReopeningSuite(test))
  section('owners', () => storeOwnersSuite(test, shared))
  section('reading', () => storeReadingSuite(test))
  section('clearing and closing', () => storeClosingSuite(test))
  section('random histories', () => storeModelSuite(test, seeds))
}
