import { describe, expect, it } from 'vitest'
import { memoryStores } from '../../src/index.js'
import type { StateStores } from '../../src/store.js'
import { type StateStoreSuiteOptions, stateStoreSuite } from '../../src/testing.js'
import { collect, failuresOf } from './collecting-runner.js'
import { Locations, SharedStore, type SharedStoreClass, sharedStores } from './shared-stores.js'
import { WRONG_CONTENTS } from './wrong-contents.js'
import { WRONG_OWNERS } from './wrong-owners.js'
import { WRONG_READS } from './wrong-reads.js'
import { WRONG_RESULTS } from './wrong-results.js'
import { MeasuredStore, WRONG_SIZES } from './wrong-sizes.js'

const suiteOf = (createStores: (location: string) => StateStores, options: StateStoreSuiteOptions = {}) =>
  collect((api) => stateStoreSuite(api, 'a store', createStores, options))

const storesOf = (Store: SharedStoreClass) => {
  const locations = new Locations()
  return (location: string) => sharedStores(locations, location, Store)
}

describe('the contract suite for stores', () => {
  it('passes a correct store', async () => {
    expect(await failuresOf(suiteOf(storesOf(SharedStore)))).toEqual(new Map())
  }, 60_000)

  it('passes a correct store that knows its size', async () => {
    const tests = suiteOf(storesOf(MeasuredStore)).filter(({ section }) => section === 'a store: size')
    expect([tests.length, await failuresOf(tests)]).toEqual([5, new Map()])
  }, 60_000)

  for (const { what, section, test, Store } of [
    ...WRONG_CONTENTS,
    ...WRONG_OWNERS,
    ...WRONG_READS,
    ...WRONG_RESULTS,
    ...WRONG_SIZES,
  ]) {
    it(`fails a store that ${what}, in "${section}"`, async () => {
      const tests = suiteOf(storesOf(Store)).filter((each) => each.section === `a store: ${section}`)
      const failures = [...(await failuresOf(tests)).keys()]
      expect(failures.filter((title) => title.includes(test))).not.toEqual([])
    }, 60_000)
  }

  it('checks the factory first', async () => {
    const stores = memoryStores()
    const sameStores = await failuresOf(suiteOf(() => stores, { durable: false, shared: false }).slice(0, 1))
    expect([...sameStores.values()]).toEqual([expect.stringContaining('an empty store must have no position')])
    const notDurable = suiteOf(() => memoryStores()).filter(({ section }) => section === 'a store: the factory')
    expect([...(await failuresOf(notDurable)).keys()]).toEqual([expect.stringContaining('{ durable: false }')])
    const notStores = await failuresOf(suiteOf(() => ({}) as StateStores).slice(0, 1))
    expect([...notStores.values()]).toEqual([expect.stringContaining('createStores must return StateStores')])
  })
})
