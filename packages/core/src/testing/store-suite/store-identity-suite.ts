import assert from 'node:assert/strict'
import type { StateStore, StoreId } from '../../store/contract.js'
import { drop, holds, isEmpty, put, putAll } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

const LONG_APPLICATION = 'a'.repeat(199)
const LONG_NAME = 'n'.repeat(248)

/** Stores that a careless concatenation of names, a pattern, or a case-insensitive file system would confuse. */
const DISTINCT_IDS: readonly Partial<StoreId>[] = [
  {},
  { application: 'app2' },
  { application: 'APP' },
  { application: 'ap' },
  { application: 'app-rows' },
  { application: 'app.rows' },
  { name: 'rows2' },
  { name: 'ROWS' },
  { name: 'row' },
  { name: 'rows-0' },
  { name: 'rows.0' },
  { name: 'rows_0' },
  { name: 'r.ws' },
  { name: '$waiters' },
  { name: 'position' },
  ...['-', '.', '_'].flatMap((separator) => [
    { application: 'app', name: `x${separator}rows` },
    { application: `app${separator}x`, name: 'rows' },
  ]),
  ...['a', 'b'].flatMap((last) => [
    { application: LONG_APPLICATION + last },
    { name: LONG_NAME + last },
    { application: LONG_APPLICATION + last, name: LONG_NAME + last },
  ]),
  ...[1, 2, 10, 11, 100].map((partition) => ({ partition })),
  { name: 'rows1', partition: 0 },
  { name: 'rows', partition: 10_000 },
]

/** Application, name and partition identify a store: stores that differ in one of them are different stores. */
export function storeIsolationSuite(test: StoreTest): void {
  test('stores of another application, name or partition share nothing', async (trial) => {
    const stores: StateStore[] = []
    for (const id of DISTINCT_IDS) {
      const store = await trial.open({ ...id, token: 5 })
      await isEmpty(store, ['a', 'own'])
      stores.push(store)
      await store.commit([put('a', `of ${JSON.stringify(id)}`), put('gone', '1')], `p${stores.length}`)
      await store.commit([drop('gone')], `q${stores.length}`)
    }
    const isIntact = async (i: number) => {
      const store = stores[i] as StateStore
      assert.equal(store.position, `q${i + 1}`, `the position of ${JSON.stringify(DISTINCT_IDS[i])}`)
      await holds(store, new Map([['a', `of ${JSON.stringify(DISTINCT_IDS[i])}`]]), ['gone'])
    }
    for (const i of stores.keys()) await isIntact(i)
    for (const i of stores.keys()) {
      await (stores[i] as StateStore).clear()
      await isEmpty(stores[i] as StateStore, ['a'])
      for (const other of stores.keys()) if (other > i) await isIntact(other)
      if (i % 2 === 0) await (stores[i] as StateStore).close()
    }
  })

  test('an owner of one store does not fence the owner of another', async (trial) => {
    const first = await trial.open({ token: 1 })
    for (const id of DISTINCT_IDS.slice(1)) await trial.open({ ...id, token: 1_000 })
    await first.commit([put('a', '1')], 'p')
    await holds(first, new Map([['a', '1']]))
  })
}

/** The contents of a store that is opened reopened. */
export function storeReopeningSuite(test: StoreTest): void {
  const rows = new Map(Object.entries({ a: '1', b: '', '': 'of the empty key', 'a:b': '\0\xff' }))

  /** Expects exactly the rows of the position, or an empty store if it is not durable. */
  const expectKept = async (store: StateStore, durable: boolean, position: string, expected = rows) => {
    if (!durable && store.position === undefined) return isEmpty(store, [...rows.keys()])
    assert.equal(store.position, position, 'the position must be kept')
    await holds(store, expected, ['gone'])
  }

  for (const how of ['closed', 'left open by its process'] as const) {
    test(`a store that was ${how} is reopened with its rows and its position, or with neither`, async (trial) => {
      const store = await trial.open()
      await store.commit([...putAll(rows), put('gone', '1')], 'p')
      await store.commit([drop('gone')], 'q\n"\0ü')
      for (let i = 0; i < 3; i++) {
        await (how === 'closed' ? store.close() : trial.leave())
        const reopened = await trial.open()
        await expectKept(reopened, trial.durable, 'q\n"\0ü')
        await reopened.close()
      }
    })

    test(`a store that was cleared and ${how} is reopened empty`, async (trial) => {
      const store = await trial.open()
      await store.commit(putAll(rows), 'p')
      await store.clear()
      await (how === 'closed' ? store.close() : trial.leave())
      const reopened = await trial.open()
      await isEmpty(reopened, [...rows.keys()])
      await reopened.commit([put('a', '2')], 'q')
      await holds(reopened, new Map([['a', '2']]), ['b'])
    })
  }

  test('10 000 rows and their deletions are kept', async (trial) => {
    const many = new Map(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, `value ${i}`]))
    const store = await trial.open()
    await store.commit(putAll(many), 'p')
    for (let i = 0; i < 10_000; i += 2) many.delete(`key ${i}`)
    await store.commit(
      Array.from({ length: 5_000 }, (_, i) => drop(`key ${i * 2}`)),
      'q',
    )
    await trial.leave()
    await expectKept(await trial.open(), trial.durable, 'q', many)
  })
}
