import assert from 'node:assert/strict'
import type { StateStore } from '../../store/contract.js'
import { drop, failingAt, holds, put, putAll, read } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

const rowsOf = (rows: Readonly<Record<string, string>>) => new Map(Object.entries(rows))

/** A commit applies changes in order, then sets the position. */
export function storeCommitSuite(test: StoreTest): void {
  test('the last change of a key wins, within a commit and across commits', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1'), drop('a'), put('a', '2'), put('b', '1'), drop('b')], 'p')
    await holds(store, rowsOf({ a: '2' }), ['b'])
    await store.commit([drop('a'), put('b', '3')], 'q')
    await holds(store, rowsOf({ b: '3' }), ['a'])
  })

  test('a deleted row stays deleted, and deleting a missing row is allowed', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1'), put('b', '1')], 'p')
    await store.commit([drop('a'), drop('never')], 'q')
    await store.commit([drop('a')], 'r')
    await holds(store, rowsOf({ b: '1' }), ['a', 'never'])
    await store.commit([put('a', '2')], 's')
    await holds(store, rowsOf({ a: '2', b: '1' }))
  })

  test('the position is exactly that of the last commit, also if it has no changes', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1')], 'first')
    for (const position of [
      '{"at":1}',
      '',
      '0',
      ' p ',
      '\n',
      'ünï "quoted" \n\0 \u{1f600}',
      '0'.repeat(5_000),
      'null',
    ]) {
      await store.commit([], position)
      assert.equal(store.position, position)
      await holds(store, rowsOf({ a: '1' }))
    }
  })

  test('a commit can have 10 000 changes', async (trial) => {
    const store = await trial.open()
    const rows = new Map(Array.from({ length: 10_000 }, (_, i) => [`key ${i}`, `value ${i}`]))
    await store.commit(putAll(rows), 'p')
    await holds(store, rows)
    const changes = [...rows.keys()].map((key, i) => (i % 4 === 0 ? put(key, 'new') : drop(key)))
    for (const [i, key] of [...rows.keys()].entries()) {
      if (i % 4 === 0) rows.set(key, 'new')
      else rows.delete(key)
    }
    await store.commit(changes, 'q')
    await holds(store, rows, ['key 1', 'key 9999'])
    assert.equal(store.position, 'q')
  })

  test('a commit can be repeated, and so can older commits if the later ones follow', async (trial) => {
    const store = await trial.open()
    const commits = [
      [put('a', '1'), drop('b'), put('c', '')],
      [put('a', '2'), put('b', '1')],
      [drop('a'), put('c', '3')],
    ]
    const commitFrom = async (from: number) => {
      for (const [i, changes] of commits.entries()) if (i >= from) await store.commit(changes, `p${i}`)
    }
    for (const from of [0, 2, 1, 0]) {
      await commitFrom(from)
      await holds(store, rowsOf({ b: '1', c: '3' }), ['a'])
      assert.equal(store.position, 'p2')
    }
  })

  for (const size of [4, 5_000]) {
    test(`a commit of ${size} changes that fails leaves the position, and can be replayed`, async (trial) => {
      const store = await trial.open()
      const rows = new Map(Array.from({ length: size }, (_, i) => [`old ${i}`, `${i}`]))
      rows.set('other', 'stays')
      await store.commit(putAll(rows), 'before')
      const changes = Array.from({ length: size }, (_, i) => (i % 2 === 0 ? drop(`old ${i}`) : put(`old ${i}`, 'new')))
      for (const at of [0, 1, size >> 1, size - 1]) {
        await commitFails(store, changes, at)
        assert.equal(store.position, 'before', `a commit that fails at change ${at} must leave the previous position`)
        assert.deepEqual(await read(store, ['other']), ['stays'])
      }
      await store.commit(changes, 'after')
      assert.equal(store.position, 'after')
      const after = Array.from({ length: size }, (_, i) => [`old ${i}`, 'new'] as const).filter((_, i) => i % 2 === 1)
      await holds(store, new Map([['other', 'stays'], ...after]), ['old 0'])
    })
  }

  test('a first commit that fails leaves no position, also after reopening', async (trial) => {
    const store = await trial.open()
    await commitFails(store, [put('a', '1'), put('b', '2'), put('c', '3')], 2)
    assert.equal(store.position, undefined)
    await store.close()
    const reopened = await trial.open()
    assert.equal(reopened.position, undefined)
    await reopened.clear()
    await reopened.commit([put('a', '1'), put('b', '2'), put('c', '3')], 'p')
    await holds(reopened, rowsOf({ a: '1', b: '2', c: '3' }))
  })
}

async function commitFails(store: StateStore, changes: Parameters<StateStore['commit']>[0], at: number): Promise<void> {
  const failing = failingAt(changes, at)
  await assert.rejects(async () => store.commit(failing, 'after'), 'a commit whose changes cannot be read must fail')
}
