import assert from 'node:assert/strict'
import type { StateStore } from '../../store/contract.js'
import { ODD } from './store-contents-suite.js'
import { drop, failingAt, put, putAll } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

type Rows = Map<string, string>

const LARGE = 'x'.repeat(100_000)
const filled = (count: number, value: string): Rows =>
  new Map(Array.from({ length: count }, (_, i) => [`key ${i}`, value]))

/** The size of the rows, which a store may omit. */
export function storeSizeSuite(test: StoreTest): void {
  const has = (store: StateStore, rows: Rows): void => {
    const { storedBytes } = store
    if (storedBytes === undefined) return
    let bytes = 0
    for (const [key, value] of rows) bytes += key.length + value.length
    assert.equal(storedBytes, bytes, 'storedBytes must be the bytes of all keys and values')
  }

  test('storedBytes is always known, or never', async (trial) => {
    const store = await trial.open()
    const isKnown = store.storedBytes !== undefined
    await store.commit([put('a', '1')], 'p')
    assert.equal(store.storedBytes !== undefined, isKnown)
    await store.clear()
    assert.equal(store.storedBytes !== undefined, isKnown)
    assert.equal((await trial.open()).storedBytes !== undefined, isKnown)
  })

  test('storedBytes counts new rows, rows that grow or shrink, empty ones, and rows that were deleted', async (trial) => {
    const store = await trial.open()
    has(store, new Map())
    const rows: Rows = new Map()
    const apply = async (...changes: readonly (readonly [key: string, value: string | null])[]) => {
      await store.commit(
        changes.map(([key, value]) => (value === null ? drop(key) : put(key, value))),
        'p',
      )
      for (const [key, value] of changes) {
        if (value === null) rows.delete(key)
        else rows.set(key, value)
      }
      has(store, rows)
    }
    await apply(['a', '1'], ['b', ''], ['', '2'], ['', ''], ['\0', '3'])
    await apply(['a', 'larger'], ['b', LARGE])
    await apply(['a', LARGE], ['b', 'small'])
    await apply(['a', ''], ['never', null], ['c', '1'], ['c', null], ['c', '22'], ['c', '333'])
    await apply(['a', null], ['b', null], ['', null], ['\0', null])
    await apply(['a', null], ['c', null])
    await apply(...ODD.map((key) => [key, `row of ${key}`] as const))
    await apply(...ODD.map((key, i) => [key, i % 2 === 0 ? null : ''] as const))
    await apply()
  })

  test('storedBytes shrinks when rows are deleted or the store is cleared', async (trial) => {
    const store = await trial.open()
    for (const value of ['v'.repeat(200), LARGE]) {
      const rows = filled(value === LARGE ? 20 : 3_000, value)
      await store.commit(putAll(rows), 'p')
      has(store, rows)
      const half = new Map([...rows].filter((_, i) => i % 2 === 0))
      await store.commit(Array.from(half.keys(), drop), 'q')
      has(store, new Map([...rows].filter(([key]) => !half.has(key))))
      await store.commit(Array.from(rows.keys(), drop), 'r')
      has(store, new Map())
      await store.commit(putAll(rows), 's')
      await store.clear()
      has(store, new Map())
    }
  })

  test('a later owner finds the size of the rows that it takes over, and so does one that opens the store again', async (trial) => {
    const rows = filled(500, 'value')
    const store = await trial.open()
    await store.commit(putAll(rows), 'p')
    const later = await trial.open()
    has(later, later.position === undefined ? new Map() : rows)
    await store.close()
    await later.commit(putAll(rows), 'q')
    await later.commit([drop('key 0')], 'r')
    rows.delete('key 0')
    has(later, rows)
    await trial.leave()
    const reopened = await trial.open()
    has(reopened, reopened.position === undefined ? new Map() : rows)
  })

  test('storedBytes is right after a commit that failed, and when it is repeated', async (trial) => {
    const store = await trial.open()
    const rows = filled(5_000, 'old')
    await store.commit(putAll(rows), 'p')
    const changes = [...rows.keys()].map((key, i) => (i % 2 === 0 ? drop(key) : put(key, 'new value')))
    for (const at of [0, 2_500, 4_999])
      await assert.rejects(async () => store.commit(failingAt(changes, at), 'q'), 'this commit must fail')
    const left: Rows = new Map()
    for await (const [key, value] of store.entries())
      left.set(Buffer.from(key).toString('latin1'), Buffer.from(value).toString('latin1'))
    has(store, left)
    const after = new Map([...rows.keys()].filter((_, i) => i % 2 === 1).map((key) => [key, 'new value']))
    for (const position of ['q', 'r']) {
      await store.commit(changes, position)
      has(store, after)
    }
  })
}
