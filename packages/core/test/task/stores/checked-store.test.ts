import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { JoineryError } from '../../../src/errors.js'
import type { StateStore } from '../../../src/store.js'
import { CheckedStore } from '../../../src/task/stores/checked-store.js'
import { PendingStoreCalls } from '../../../src/task/stores/pending-store-calls.js'

type Shape = { readonly [K in keyof StateStore]?: unknown }

/** As functions of Node return them where tests have a realm of their own. */
const OtherPromise = runInNewContext('Promise') as PromiseConstructor
const OtherBytes = runInNewContext('Uint8Array') as Uint8ArrayConstructor

const bytes = (text: string) => Buffer.from(text)
const KEYS = [bytes('a'), bytes('b')]

/** A store with members of any shape. */
function store(shape: Shape): StateStore {
  const correct: Shape = {
    getMany: (keys: readonly unknown[]) => keys.map(() => undefined),
    commit: () => {},
    entries: () => [],
    clear: () => {},
    close: () => {},
  }
  return { ...correct, ...shape } as StateStore
}

const checked = (shape: Shape, calls?: PendingStoreCalls) =>
  new CheckedStore(store(shape), { name: 'rows', partition: 3, calls })

/** What a store does at once or later, with the promises of this realm or of another. */
const WHEN: readonly (readonly [string, (result: () => unknown) => unknown])[] = [
  ['at once', (result) => result()],
  ['later', async (result) => result()],
  ['later, with a promise of another realm', (result) => new OtherPromise((resolve) => resolve(result()))],
]

const wrong = (message: string) =>
  expect.objectContaining({
    code: 'STORE_FAILED',
    retriable: false,
    partition: 3,
    message: `STORE_FAILED: ${message}: correct the store, which stateStoreSuite checks`,
  })

async function all(entries: ReturnType<StateStore['entries']>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

describe.each(WHEN)('a store that returns %s', (when, later) => {
  it('is passed on if the results are right', async () => {
    const values = [new OtherBytes(1), undefined]
    const right = checked({
      getMany: () => later(() => values),
      commit: () => later(() => undefined),
      clear: () => later(() => undefined),
    })
    const reading = right.getMany(KEYS)
    expect(reading instanceof Promise).toBe(when !== 'at once')
    expect(await reading).toBe(values)
    expect(await right.commit([], 'p')).toBeUndefined()
    expect(await right.clear()).toBeUndefined()
    expect(await checked({ commit: () => later(() => false) }).commit([], 'p')).toBe(false) // nothing is expected of it
  })

  const EXPECTED = 'an array with one value for each key, undefined where there is no row'
  const OR_UNDEFINED = 'a Uint8Array, or undefined if there is no row'
  it.each<[string, unknown, string, string]>([
    ['only the rows that there are', [bytes('a')], '1 values for 2 keys', EXPECTED],
    ['more values than keys', [undefined, undefined, bytes('a')], '3 values for 2 keys', EXPECTED],
    ['a Map', new Map([[KEYS[0], bytes('a')]]), 'a Map', EXPECTED],
    ['nothing', undefined, 'undefined', EXPECTED],
    ['null', null, 'null', EXPECTED],
    ['an object', {}, 'an Object', EXPECTED],
    ['null for no row', [bytes('a'), null], 'null as value 1', OR_UNDEFINED],
    ['texts', ['a', 'b'], 'a string as value 0', OR_UNDEFINED],
    ['numbers', [undefined, 1], 'a number as value 1', OR_UNDEFINED],
    ['buffers without a view', [new ArrayBuffer(1), undefined], 'an ArrayBuffer as value 0', OR_UNDEFINED],
    ['other views', [new Uint16Array(1), undefined], 'a Uint16Array as value 0', OR_UNDEFINED],
  ])('fails for getMany with %s', async (_, result, found, expected) => {
    const reading = (async () => checked({ getMany: () => later(() => result) }).getMany(KEYS))()
    await expect(reading).rejects.toEqual(
      wrong(`getMany of store rows[3] returned ${found}, but must return ${expected}`),
    )
  })

  it.each<[string, (store: StateStore) => unknown]>([
    ['getMany', (store) => store.getMany(KEYS)],
    ['commit', (store) => store.commit([], 'p')],
    ['clear', (store) => store.clear()],
    ['close', (store) => store.close()],
  ])('fails, retriable, if %s fails, unless with a JoineryError', async (method, call) => {
    const failing = (cause: unknown) =>
      checked({
        [method]: () =>
          later(() => {
            throw cause
          }),
      })
    const cause = new Error('no disk')
    await expect((async () => call(failing(cause)))()).rejects.toEqual(
      expect.objectContaining({
        code: 'STORE_FAILED',
        retriable: true,
        partition: 3,
        message: `STORE_FAILED: ${method} of store rows[3] failed: Error: no disk`,
        cause,
      }),
    )
    const fenced = new JoineryError('STORE_FENCED', 'a later owner')
    await expect((async () => call(failing(fenced)))()).rejects.toBe(fenced)
  })
})

describe('the entries of a store', () => {
  it.each<[string, (entries: readonly unknown[]) => unknown]>([
    ['an array', (entries) => entries],
    ['a Map', (entries) => new Map(entries as [unknown, unknown][])],
    [
      'an async generator',
      async function* (entries) {
        yield* entries
      },
    ],
  ])('can be %s', async (_, iterable) => {
    const entries = [
      [bytes('a'), bytes('1')],
      [bytes('b'), new OtherBytes(0)],
    ]
    expect(await all(checked({ entries: () => iterable(entries) }).entries())).toEqual(entries)
  })

  const ITERABLE = 'an iterable or an async iterable'
  const PAIR = '[key, value], both a Uint8Array'
  it.each<[string, unknown, string, string]>([
    ['a promise of an array', Promise.resolve([]), 'a Promise', ITERABLE],
    ['nothing', undefined, 'undefined', ITERABLE],
    ['null', null, 'null', ITERABLE],
    ['an object', {}, 'an Object', ITERABLE],
    ['keys only', [bytes('a')], 'a Uint8Array as an entry', PAIR],
    ['objects', [{ key: bytes('a'), value: bytes('b') }], 'an Object as an entry', PAIR],
    ['texts', [['a', 'b']], '[a string, a string] as an entry', PAIR],
    ['a key without a value', [[bytes('a'), undefined]], '[a Uint8Array, undefined] as an entry', PAIR],
    ['a row without a key', [[null, bytes('a')]], '[null, a Uint8Array] as an entry', PAIR],
  ])('cannot be %s', async (_, result, found, expected) => {
    await expect(all(checked({ entries: () => result }).entries())).rejects.toEqual(
      wrong(`entries of store rows[3] returned ${found}, but must return ${expected}`),
    )
  })

  it('fail, retriable, if the iteration fails, unless with a JoineryError', async () => {
    const failing = (cause: unknown) =>
      checked({
        *entries() {
          yield [bytes('a'), bytes('1')]
          throw cause
        },
      })
    const message = 'STORE_FAILED: entries of store rows[3] failed: Error: no disk'
    await expect(all(failing(new Error('no disk')).entries())).rejects.toMatchObject({ retriable: true, message })
    const closed = new JoineryError('STORE_CLOSED', 'closed')
    await expect(all(failing(closed).entries())).rejects.toBe(closed)
  })
})

describe('what open returned', () => {
  it.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'undefined', 'a StateStore'],
    ['null', null, 'null', 'a StateStore'],
    ['a text', 'rows', 'a string', 'a StateStore'],
    ['a Map', new Map(), 'a store whose getMany is undefined', 'a function'],
    ...['getMany', 'commit', 'entries', 'clear', 'close'].map(
      (method) =>
        [
          `a store without ${method}`,
          store({ [method]: undefined }),
          `a store whose ${method} is undefined`,
          'a function',
        ] as [string, unknown, string, string],
    ),
  ])('cannot be %s', (_, result, found, expected) => {
    expect(() => new CheckedStore(result as StateStore, { name: 'rows', partition: 3 })).toThrow(
      wrong(`open of store rows[3] returned ${found}, but must return ${expected}`),
    )
  })
})

describe('the properties of a store', () => {
  it('are those of the store', () => {
    const read = (shape: Shape) => {
      const { position, lostRows, storedBytes } = checked(shape)
      return [position, lostRows, storedBytes]
    }
    expect(read({})).toEqual([undefined, undefined, undefined])
    expect(read({ position: '', lostRows: 0, storedBytes: 0 })).toEqual(['', 0, 0])
    expect(read({ position: 'p', lostRows: 2, storedBytes: 1.5 })).toEqual(['p', 2, 1.5])
  })

  const COUNT = 'a number from 0 on, or undefined'
  it.each<[keyof CheckedStore, unknown, string, string]>([
    ['position', null, 'null', 'a string, or undefined without a commit'],
    ['position', 7, 'a number', 'a string, or undefined without a commit'],
    ['position', Promise.resolve('p'), 'a Promise', 'a string, or undefined without a commit'],
    ['lostRows', null, 'null', COUNT],
    ['lostRows', -1, '-1', COUNT],
    ['storedBytes', Number.NaN, 'NaN', COUNT],
    ['storedBytes', '7', 'a string', COUNT],
    ['storedBytes', 7n, 'a bigint', COUNT],
  ])('cannot be of other types: %s, %s', (property, value, found, expected) => {
    const store = checked({ [property]: value })
    expect(() => store[property]).toThrow(
      wrong(`${property} of store rows[3] returned ${found}, but must return ${expected}`),
    )
  })
})

it('a row that the store has not yielded is named like a call, and one that is in use is not', async () => {
  const calls = new PendingStoreCalls(() => 1_000)
  let yieldNext = () => {}
  const entries = checked(
    {
      async *entries() {
        yield [bytes('a'), bytes('1')]
        await new Promise<void>((next) => {
          yieldNext = next
        })
        yield [bytes('b'), bytes('2')]
      },
    },
    calls,
  )
    .entries()
    [Symbol.asyncIterator]()
  await entries.next()
  expect(calls.oldest).toBeUndefined()
  const second = entries.next()
  expect(calls.oldest).toEqual({ what: 'entries of store rows[3]', since: 1_000 })
  await Promise.resolve()
  yieldNext()
  expect(await second).toMatchObject({ done: false })
  await entries.return()
  expect(calls.oldest).toBeUndefined()
})

it('a call that has not returned is named by its method and the store', async () => {
  const calls = new PendingStoreCalls(() => 1_000)
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  const committing = checked({ commit: () => promise }, calls).commit([], 'p')
  expect(calls.oldest).toEqual({ what: 'commit of store rows[3]', since: 1_000 })
  resolve()
  await committing
  expect(calls.oldest).toBeUndefined()
})
