import assert from 'node:assert/strict'
import { keyText } from '../../serde/key-text.js'
import type { StateStore } from '../../store/contract.js'
import { drop, holds, put, putAll, read, scan } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

const COUNT = 2_000
const keyOf = (i: number) => `key ${i}`
const filled = (value: string) => new Map(Array.from({ length: COUNT }, (_, i) => [keyOf(i), value]))

async function filledStore(opened: Promise<StateStore>): Promise<StateStore> {
  const store = await opened
  await store.commit(putAll(filled('old')), 'p')
  return store
}

/** Reads and scans, many at once and while a commit runs. */
export function storeReadingSuite(test: StoreTest): void {
  test('many reads and scans at once get what each asked for', async (trial) => {
    const store = await trial.open()
    const rows = new Map(Array.from({ length: 500 }, (_, i) => [keyOf(i), `value ${i}`]))
    await store.commit(putAll(rows), 'p')
    const reads = Array.from({ length: 50 }, async (_, n) => {
      const keys = Array.from({ length: n }, (_, i) => keyOf((n * 37 + i * 11) % 600))
      assert.deepEqual(
        await read(store, keys),
        keys.map((key) => rows.get(key)),
      )
    })
    const scans = Array.from({ length: 3 }, async () => assert.equal((await scan(store)).size, rows.size))
    await Promise.all([...reads, ...scans])
  })

  test('a read beside a commit gets old or new rows, one behind it the new ones', async (trial) => {
    const store = await filledStore(trial.open())
    for (let round = 0; round < 5; round++) {
      const [before, after] = [round === 0 ? 'old' : `round ${round - 1}`, `round ${round}`]
      const commit = (async () => store.commit(putAll(filled(after)), after))()
      const beside = Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          for (const value of await read(
            store,
            Array.from({ length: 100 }, (_, j) => keyOf(i * 100 + j)),
          ))
            assert.ok(value === before || value === after, `${before} or ${after}, not ${value}`)
        }),
      )
      const behind = commit.then(() => read(store, [...filled('').keys()]))
      const [values] = await Promise.all([behind, beside])
      for (const value of values) assert.equal(value, after)
      await holds(store, filled(after))
    }
  })

  test('a scan beside commits yields each untouched row once, and of the others old or new ones', async (trial) => {
    const store = await filledStore(trial.open())
    const found = new Map<string, string>()
    let commits = 0
    for await (const [key, value] of store.entries()) {
      assert.ok(!found.has(keyText(key)), `${keyText(key)} comes once`)
      found.set(keyText(key), keyText(value))
      if (found.size % 400 !== 1) continue
      const n = commits++
      const touched = Array.from({ length: 100 }, (_, i) => keyOf(n * 200 + i))
      const changes = touched.map((key, i) => (i % 2 === 0 ? put(key, 'new') : drop(key)))
      await store.commit([...changes, ...putAll(new Map([[`added ${n}`, 'new']]))], `p${n}`)
      // a large one, so that what is under the scan is moved about
      if (n === 1) await store.commit(putAll(Array.from({ length: COUNT }, (_, i) => [`late ${i}`, 'new'])), 'late')
      if (n === 2)
        await store.commit(
          Array.from({ length: COUNT }, (_, i) => drop(`late ${i}`)),
          'gone',
        )
    }
    assert.ok(commits >= 3, 'commits ran beside the scan')
    for (let i = 0; i < COUNT; i++) {
      const isTouched = i % 200 < 100 && i < commits * 200
      const isDropped = isTouched && i % 2 === 1
      const value = found.get(keyOf(i))
      if (!isTouched) assert.equal(value, 'old', `the untouched row of ${keyOf(i)}`)
      else assert.ok(value === 'old' || (isDropped ? value === undefined : value === 'new'), `${keyOf(i)} is ${value}`)
    }
    const others = [...found].filter(([key]) => !key.startsWith('key '))
    assert.ok(others.every(([key, value]) => /^(added|late) /.test(key) && value === 'new'))
  })

  test('a scan that is given up leaves the store as it was', async (trial) => {
    const store = await filledStore(trial.open())
    for (let i = 0; i < 20; i++) {
      for await (const _ of store.entries()) break
    }
    await store.commit([put('a', '1'), drop(keyOf(0))], 'q')
    const rows = filled('old')
    rows.delete(keyOf(0))
    await holds(store, rows.set('a', '1'))
  })
}
