import assert from 'node:assert/strict'
import { hasCode, holds, isEmpty, put, putAll, refuses } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

const MANY = new Map(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, `value ${i}`]))

/** Clearing and closing. */
export function storeClosingSuite(test: StoreTest): void {
  test('clear deletes the rows and the position, and the store remains usable', async (trial) => {
    const store = await trial.open()
    await store.clear()
    await isEmpty(store)
    await store.commit([put('a', '1'), put('', '2')], 'p')
    await store.clear()
    await isEmpty(store, ['a', ''])
    await store.clear()
    // as when it is restored from the same changelog
    await store.commit([put('a', '1'), put('b', '3')], 'p')
    assert.equal(store.position, 'p')
    await holds(store, new Map(Object.entries({ a: '1', b: '3' })), [''])
  })

  test('clear deletes 10 000 rows', async (trial) => {
    const store = await trial.open()
    await store.commit(putAll(MANY), 'p')
    await store.clear()
    await isEmpty(store, ['key 0', 'key 9999'])
  })

  test('close is idempotent, also concurrently; afterwards every call fails with STORE_CLOSED', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1')], 'p')
    await Promise.all([store.close(), store.close()])
    await store.close()
    await refuses(store, 'STORE_CLOSED')
    const other = await trial.open({ name: 'other' })
    await other.commit([put('a', '2')], 'p')
    await holds(other, new Map([['a', '2']]))
  })

  test('an iteration during which the store is closed fails or yields all rows: it never ends early', async (trial) => {
    const store = await trial.open()
    await store.commit(putAll(MANY), 'p')
    let found = 0
    try {
      for await (const _ of store.entries()) if (++found === 1) await store.close()
    } catch (error) {
      hasCode('STORE_CLOSED')(error)
      return
    }
    assert.equal(found, MANY.size)
  })
}
