import assert from 'node:assert/strict'
import { isJoineryError } from '../errors.js'
import type { Awaitable, Change, StateStore, StateStores, StoreId } from '../store/contract.js'
import { keyText } from '../store/key-text.js'
import { randomChanges } from './random-changes.js'
import type { TestApi } from './test-api.js'

const ID: StoreId = { application: 'app', name: 'rows', partition: 0, token: 1 }
const bytes = (text: string): Uint8Array => Buffer.from(text)
const put = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) })
const drop = (key: string): Change => ({ key: bytes(key), value: null })

async function getAll(store: StateStore, ...keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytes))
  return values.map((value) => (value === undefined ? undefined : Buffer.from(value).toString()))
}

async function allEntries(store: StateStore): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const [key, value] of store.entries()) {
    assert.ok(!Object.hasOwn(found, keyText(key)), 'entries() yields a key once')
    found[keyText(key)] = Buffer.from(value).toString()
  }
  return found
}

const hasCode = (code: string) => (error: unknown) => {
  assert.ok(isJoineryError(error), `a JoineryError is needed, not ${String(error)}`)
  assert.equal(error.code, code)
  return true
}

/**
 * What every state store has to do, as tests for any runner. Give it the runner's `describe` and `it`, and a function that
 * makes fresh, empty stores for each test.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'
 *
 * stateStoreSuite({ describe, it }, 'memoryStores', () => memoryStores())
 * ```
 */
export function stateStoreSuite({ describe, it }: TestApi, name: string, fresh: () => Awaitable<StateStores>): void {
  const withStore = (title: string, body: (store: StateStore, stores: StateStores) => Promise<void>) =>
    it(title, async () => {
      const stores = await fresh()
      const store = await stores.open(ID)
      try {
        await body(store, stores)
      } finally {
        await store.close()
        await stores[Symbol.asyncDispose]?.()
      }
    })

  describe(`${name}: the contract of a state store`, () => {
    withStore('a new store is empty and has no position', async (store) => {
      assert.equal(store.position, undefined)
      assert.deepEqual(await getAll(store, 'a'), [undefined])
      assert.deepEqual(await allEntries(store), {})
    })

    withStore('values come in the order of the keys, a key asked twice twice', async (store) => {
      await store.commit([put('a', '1'), put('b', '2')], 'p')
      assert.deepEqual(await getAll(store, 'b', 'x', 'a', 'b'), ['2', undefined, '1', '2'])
      assert.deepEqual(await getAll(store), [])
    })

    withStore('the last change of a key counts, within a commit and over commits', async (store) => {
      await store.commit([put('a', '1'), drop('a'), put('a', '2'), put('b', '1'), drop('b'), drop('never')], 'p')
      assert.deepEqual(await getAll(store, 'a', 'b', 'never'), ['2', undefined, undefined])
      await store.commit([drop('a'), put('b', '3')], 'q')
      assert.deepEqual(await allEntries(store), { b: '3' })
    })

    withStore('a commit may come twice, as it does after a crash between rows and position', async (store) => {
      const changes = [put('a', '1'), drop('b'), put('c', '')]
      await store.commit(changes, 'p')
      await store.commit(changes, 'p')
      assert.deepEqual(await allEntries(store), { a: '1', c: '' })
    })

    withStore('the position is what the last commit gave, to the character', async (store) => {
      for (const position of ['{"at":1}', '', 'ünï "quoted" \n', '0'.repeat(5_000)]) {
        await store.commit([], position)
        assert.equal(store.position, position)
      }
    })

    withStore('an empty value is a value', async (store) => {
      await store.commit([put('a', '')], 'p')
      assert.deepEqual(await getAll(store, 'a'), [''])
      assert.deepEqual(await allEntries(store), { a: '' })
    })

    withStore('keys are bytes: separators, patterns, prefixes and any byte are no more than that', async (store) => {
      const keys = ['', 'a', 'a:', 'a:b', 'a*', 'a?', '[a]', 'a\0', 'a\0b', '{a}', 'é', 'e\u0301', '__proto__']
      await store.commit(
        keys.map((key) => put(key, `value of ${key}`)),
        'p',
      )
      assert.deepEqual(
        await getAll(store, ...keys),
        keys.map((key) => `value of ${key}`),
      )
      await store.commit([drop('a')], 'q')
      assert.deepEqual(await getAll(store, 'a', 'a:', 'a*'), [undefined, 'value of a:', 'value of a*'])
      const every = Uint8Array.from({ length: 256 }, (_, i) => i)
      await store.commit([{ key: every, value: every }], 'r')
      const [value] = await store.getMany([Uint8Array.from(every)])
      assert.deepEqual(Uint8Array.from(value ?? []), every)
    })

    withStore('a value of a megabyte comes back whole', async (store) => {
      const value = new Uint8Array(2 ** 20).fill(7)
      await store.commit([{ key: bytes('big'), value }], 'p')
      const [found] = await store.getMany([bytes('big')])
      assert.equal(Buffer.compare(found ?? new Uint8Array(), value), 0)
    })

    withStore('clear deletes the rows and the position, and the store goes on', async (store) => {
      await store.commit([put('a', '1')], 'p')
      await store.clear()
      assert.equal(store.position, undefined)
      assert.deepEqual(await allEntries(store), {})
      await store.commit([put('b', '2')], 'q')
      assert.deepEqual(await allEntries(store), { b: '2' })
    })

    withStore('stores of another application, name or partition share nothing', async (store, stores) => {
      await store.commit([put('a', '1')], 'p')
      for (const other of [
        { application: 'app2' },
        { application: 'app-rows', name: '' },
        { name: 'rows2' },
        { name: '$waiters' },
        { partition: 1 },
        { partition: 10 },
      ]) {
        const another = await stores.open({ ...ID, ...other })
        assert.equal(another.position, undefined)
        assert.deepEqual(await getAll(another, 'a'), [undefined])
        await another.commit([put('a', 'other')], 'other')
        await another.clear()
        await another.close()
      }
      assert.deepEqual(await getAll(store, 'a'), ['1'])
      assert.equal(store.position, 'p')
    })

    withStore('a store opened again holds what its position says, or nothing', async (store, stores) => {
      await store.commit([put('a', '1'), put('b', '2')], 'p')
      await store.close()
      const again = await stores.open({ ...ID, token: 2 })
      if (again.position === undefined) assert.deepEqual(await allEntries(again), {})
      else {
        assert.equal(again.position, 'p')
        assert.deepEqual(await allEntries(again), { a: '1', b: '2' })
      }
      await again.close()
    })

    withStore('once a later owner has opened it, an earlier one changes nothing', async (store, stores) => {
      await store.commit([put('a', '1')], 'p')
      const later = await stores.open({ ...ID, token: 2 })
      await later.commit([put('a', '2')], 'q')
      try {
        await store.commit([put('a', 'late'), put('z', 'late')], 'late')
      } catch (error) {
        hasCode('STORE_FENCED')(error)
      }
      assert.deepEqual(await getAll(later, 'a', 'z'), ['2', undefined])
      assert.equal(later.position, 'q')
      await store.close()
      assert.deepEqual(await getAll(later, 'a'), ['2'])
      await later.close()
    })

    withStore('close may come twice; afterwards every call fails with STORE_CLOSED', async (store) => {
      await store.commit([put('a', '1')], 'p')
      await store.close()
      await store.close()
      const closed = hasCode('STORE_CLOSED')
      await assert.rejects(async () => store.getMany([bytes('a')]), closed)
      await assert.rejects(async () => store.commit([], 'q'), closed)
      await assert.rejects(async () => store.clear(), closed)
      await assert.rejects(async () => allEntries(store), closed)
    })

    for (const seed of [1, 2, 3]) {
      withStore(`random commits give what a Map gives (seed ${seed})`, async (store) => {
        const model = new Map<string, string>()
        for (const [i, changes] of randomChanges(seed, 60).entries()) {
          await store.commit(changes, String(i))
          for (const { key, value } of changes) {
            if (value === null) model.delete(keyText(key))
            else model.set(keyText(key), Buffer.from(value).toString())
          }
          assert.equal(store.position, String(i))
          const keys = changes.map(({ key }) => key)
          const values = await store.getMany(keys)
          assert.deepEqual(
            values.map((value) => (value === undefined ? undefined : Buffer.from(value).toString())),
            keys.map((key) => model.get(keyText(key))),
          )
        }
        assert.deepEqual(await allEntries(store), Object.fromEntries(model))
      })
    }
  })
}
