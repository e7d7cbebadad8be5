import assert from 'node:assert/strict'
import type { Awaitable, StateStores } from '../../store/contract.js'
import { checkOptionNames } from '../../unknown-options.js'
import type { TestApi } from '../test-api.js'
import { storeClosingSuite } from './store-closing-suite.js'
import { storeCommitSuite } from './store-commit-suite.js'
import { storeContentsSuite } from './store-contents-suite.js'
import { storeIsolationSuite, storeReopeningSuite } from './store-identity-suite.js'
import { storeModelSuite } from './store-model-suite.js'
import { storeOwnersSuite } from './store-owners-suite.js'
import { holds, isEmpty, put } from './store-probe.js'
import { storeReadingSuite } from './store-reading-suite.js'
import { storeResultsSuite } from './store-results-suite.js'
import { storeSizeSuite } from './store-size-suite.js'
import { type StoreTest, StoreTrial } from './store-trial.js'

/** Options of {@link stateStoreSuite}: which optional features the store has. */
export interface StateStoreSuiteOptions {
  /**
   * Whether the contents survive when the last owner closes the store. If not, the store has to be empty when it is opened
   * again: neither rows nor a position.
   * @defaultValue `true`
   */
  readonly durable?: boolean
  /**
   * Whether two processes can have the store open at the same time. The suite simulates them with two factories for the same
   * location.
   * @defaultValue `true`
   */
  readonly shared?: boolean
  /**
   * The seeds of the random histories. Each is one test, with the seed in its title.
   * @defaultValue `[1, 2, 3, 4, 5]`
   */
  readonly seeds?: readonly number[]
}

const STATE_STORE_SUITE_OPTIONS: Readonly<Record<keyof StateStoreSuiteOptions, true>> = {
  durable: true,
  shared: true,
  seeds: true,
}

/**
 * Registers tests of the state store contract with any test runner: everything that a state store has to do.
 *
 * @param api the functions `describe` and `it` of the test runner
 * @param name the name of the store, for the titles of the tests
 * @param createStores creates a factory of stores for a location, such as a directory or a key prefix of that name. The
 * stores of a new location are empty. A second factory for the same location opens the same stores, as another process
 * would. A store that is not `durable` can ignore the location.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'
 *
 * stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores(), { durable: false, shared: false })
 * ```
 */
export function stateStoreSuite(
  api: TestApi,
  name: string,
  createStores: (location: string) => Awaitable<StateStores>,
  options: StateStoreSuiteOptions = {},
): void {
  checkOptionNames('stateStoreSuite', options, STATE_STORE_SUITE_OPTIONS)
  const { durable = true, shared = true, seeds = [1, 2, 3, 4, 5] } = options
  let locations = 0
  const newTrial = () => new StoreTrial({ createStores, durable, shared }, `location-${++locations}`)
  const test: StoreTest = (title, body) =>
    api.it(title, async () => {
      const trial = newTrial()
      try {
        await body(trial)
      } catch (error) {
        await trial.leave().catch(() => {}) // the failure of the test is the one to report
        throw error
      }
      await trial.leave()
    })
  const section = (title: string, body: () => void) => api.describe(`${name}: ${title}`, body)

  section('the factory', () => {
    test('creates empty stores for each new location', async (trial) => {
      const store = await trial.open()
      await isEmpty(store, ['a'])
      await store.commit([put('a', '1')], 'p')
      const otherLocation = newTrial()
      await isEmpty(await otherLocation.open(), ['a'])
      await otherLocation.leave()
      await holds(store, new Map([['a', '1']]))
    })

    if (durable)
      test('opens the same stores for the same location, unless the suite has { durable: false }', async (trial) => {
        await (await trial.open()).commit([put('a', '1')], 'p')
        await trial.leave()
        const reopened = await trial.open()
        assert.equal(reopened.position, 'p', 'a factory for the same location must open what was stored there')
        await holds(reopened, new Map([['a', '1']]))
      })
  })
  section('results', () => storeResultsSuite(test))
  section('keys and values', () => storeContentsSuite(test))
  section('commits', () => storeCommitSuite(test))
  section('isolation', () => storeIsolationSuite(test))
  section('reopening', () => storeReopeningSuite(test))
  section('owners', () => storeOwnersSuite(test, shared))
  section('reading', () => storeReadingSuite(test))
  section('clearing and closing', () => storeClosingSuite(test))
  section('size', () => storeSizeSuite(test))
  section('random histories', () => storeModelSuite(test, seeds))
}
