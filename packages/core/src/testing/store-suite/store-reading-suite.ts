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

/** Reads and iterations, concurrently and during commits. */
export function storeReadingSuite(test: StoreTest): void {
  test('concurrent reads and iterations return the right rows', async (trial) => {
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

  test('a read during a commit returns old or new rows, and a read after it the new rows', async (trial) => {
    const store = await filledStore(trial.open())
    for (let round = 0; round < 5; round++) {
      const [before, after] = [round === 0 ? 'old' : `round ${round - 1}`, `round ${round}`]
      const commit = (async () => store.commit(putAll(filled(after)), after))()
      const during = Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          for (const value of await read(
            store,
            Array.from({ length: 100 }, (_, j) => keyOf(i * 100 + j)),
          ))
            assert.ok(value === before || value === after, `expected ${before} or ${after}, got ${value}`)
        }),
      )
      const afterCommit = commit.then(() => read(store, [...filled('').keys()]))
      const [values] = await Promise.all([afterCommit, during])
      for (const value of values) assert.equal(value, after)
      await holds(store, filled(after))
    }
  })

  test('an iteration during commits yields each unchanged row once, and old or new values of the others', async (trial) => {
    const store = await filledStore(trial.open())
    const found = new Map<string, string>()
    let commits = 0
    for await (const [key, value] of store.entries()) {
      assert.ok(!found.has(keyText(key)), `entries must yield ${keyText(key)} once`)
      found.set(keyText(key), keyText(value))
      if (found.size % 400 !== 1) continue
      const n = commits++
      const changed = Array.from({ length: 100 }, (_, i) => keyOf(n * 200 + i))
      const changes = changed.map((key, i) => (i % 2 === 0 ? put(key, 'new') : drop(key)))
      await store.commit([...changes, ...putAll(new Map([[`added ${n}`, 'new']]))], `p${n}`)
      // large commits, so that the rows move during the iteration
      if (n === 1) await store.commit(putAll(Array.from({ length: COUNT }, (_, i) => [`late ${i}`, 'new'])), 'late')
      if (n === 2)
        await store.commit(
          Array.from({ length: COUNT }, (_, i) => drop(`late ${i}`)),
          'gone',
        )
    }
    assert.ok(commits >= 3, 'commits must run during the iteration')
    for (let i = 0; i < COUNT; i++) {
      const isChanged = i % 200 < 100 && i < commits * 200
      const isDropped = isChanged && i % 2 === 1
      const value = found.get(keyOf(i))
      if (!isChanged) assert.equal(value, 'old', `the unchanged row of ${keyOf(i)}`)
      else assert.ok(value === 'old' || (isDropped ? value === undefined : value === 'new'), `${keyOf(i)} is ${value}`)
    }
    const others = [...found].filter(([key]) => !key.startsWith('key '))
    assert.ok(others.every(([key, value]) => /^(added|late) /.test(key) && value === 'new'))
  })

  test('an iteration that is abandoned leaves the store unchanged', async (trial) => {
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
