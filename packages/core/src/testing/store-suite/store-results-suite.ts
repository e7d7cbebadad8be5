import assert from 'node:assert/strict'
import { bytesOf, put, read, scan } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

/** Number and type of what the members of a store return, which Joinery checks each time: `STORE_FAILED` otherwise. */
export function storeResultsSuite(test: StoreTest): void {
  test('open returns a store with the methods getMany, commit, entries, clear and close', async (trial) => {
    await trial.open()
  })

  test('getMany returns an array with one value for each key, whether or not it has a row', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1'), put('c', '3')], 'p')
    for (const keys of [[], ['a'], ['b'], ['a', 'b', 'c'], ['b', 'b', 'c']])
      assert.equal((await store.getMany(keys.map(bytesOf))).length, keys.length)
  })

  test('getMany returns undefined where there is no row', async (trial) => {
    const store = await trial.open()
    assert.deepEqual(await read(store, ['a']), [undefined])
    await store.commit([put('a', '1')], 'p')
    assert.deepEqual(await read(store, ['a', 'b']), ['1', undefined])
  })

  test('getMany returns bytes, whatever is in them', async (trial) => {
    const store = await trial.open()
    const rows = ['', '1', 'null', '{"a":1}', '\xff\xfe']
    await store.commit(
      rows.map((row, i) => put(`${i}`, row)),
      'p',
    )
    assert.deepEqual(await read(store, [...rows.keys()].map(String)), rows)
  })

  test('entries returns an iterable of keys and values, both bytes', async (trial) => {
    const store = await trial.open()
    assert.deepEqual(await scan(store), new Map())
    await store.commit([put('a', '1'), put('b', '')], 'p')
    assert.deepEqual(await scan(store), new Map(Object.entries({ a: '1', b: '' })))
  })

  test('position is the text of the last commit, and undefined before the first', async (trial) => {
    const store = await trial.open()
    assert.equal(store.position, undefined)
    for (const position of ['7', '', 'null', '{"a":"ä"}']) {
      await store.commit([], position)
      assert.equal(store.position, position)
    }
  })

  test('storedBytes and lostRows are numbers, or undefined', async (trial) => {
    const store = await trial.open()
    const check = () => [store.storedBytes, store.lostRows] // fails for anything else
    check()
    await store.commit([put('a', '1')], 'p')
    check()
  })
}
