import { describe, expect, it } from 'vitest'
import { memoryStores } from '../../src/index.js'
import type { StateStores } from '../../src/store.js'
import { type StateStoreSuiteOptions, stateStoreSuite } from '../../src/testing.js'
import { collect, failuresOf } from './collecting-runner.js'
import { PlaceStore, type PlaceStoreClass, Places, placeStores } from './place-stores.js'
import { WRONG_CONTENTS } from './wrong-contents.js'
import { WRONG_OWNERS } from './wrong-owners.js'
import { WRONG_READS } from './wrong-reads.js'

const suiteOf = (fresh: (place: string) => StateStores, options: StateStoreSuiteOptions = {}) =>
  collect((api) => stateStoreSuite(api, 'a store', fresh, options))

const storesOf = (Store: PlaceStoreClass) => {
  const places = new Places()
  return (place: string) => placeStores(places, place, Store)
}

describe('the contract suite of stores', () => {
  it('has nothing against a store that is right', async () => {
    expect(await failuresOf(suiteOf(storesOf(PlaceStore)))).toEqual(new Map())
  }, 60_000)

  for (const { what, section, test, Store } of [...WRONG_CONTENTS, ...WRONG_OWNERS, ...WRONG_READS]) {
    it(`fails a store that ${what}, in "${section}"`, async () => {
      const tests = suiteOf(storesOf(Store)).filter((each) => each.section === `a store: ${section}`)
      const failures = [...(await failuresOf(tests)).keys()]
      expect(failures.filter((title) => title.includes(test))).not.toEqual([])
    }, 60_000)
  }

  it('looks at the factory first', async () => {
    const stores = memoryStores()
    const always = await failuresOf(suiteOf(() => stores, { durable: false, shared: false }).slice(0, 1))
    expect([...always.values()]).toEqual([expect.stringContaining('an empty store has no position')])
    const forgetful = suiteOf(() => memoryStores()).filter(({ section }) => section === 'a store: the factory')
    expect([...(await failuresOf(forgetful)).keys()]).toEqual([expect.stringContaining('{ durable: false }')])
    const none = await failuresOf(suiteOf(() => ({}) as StateStores).slice(0, 1))
    expect([...none.values()]).toEqual([expect.stringContaining('the factory has to make StateStores')])
  })
})
