import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { StateStore } from '@joinery/core/store'
import { open } from 'lmdb'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { ID, openStore, put, read } from './support/open-store.js'

const directory = directories()
let stores: ReturnType<typeof lmdbStores>
let store: StateStore

beforeEach(async () => {
  stores = lmdbStores({ path: directory() })
  store = await openStore(stores)
})
afterEach(() => stores[Symbol.asyncDispose]())

const entries = () => [...(store.entries() as Iterable<readonly [Uint8Array, Uint8Array]>)]

describe('keys of any length', () => {
  const LENGTHS = [0, 1, 510, 511, 512, 1_976, 1_977, 1_978, 1_979, 4_025, 4_026, 4_096, 100_000, 1_048_576]
  const key = (length: number, last = 0) => Buffer.alloc(length, 'k').fill(last, Math.max(0, length - 1))

  it('find their row among rows whose keys differ only in the last byte', async () => {
    const keys = LENGTHS.flatMap((length) => (length === 0 ? [key(0)] : [key(length, 1), key(length, 2)]))
    await store.commit(
      keys.map((each, i) => ({ key: each, value: Buffer.from(`value ${i}`) })),
      'p',
    )
    const found = await store.getMany(keys)
    expect(found.map((value) => value && Buffer.from(value).toString())).toEqual(keys.map((_, i) => `value ${i}`))
    const scanned = entries().map(([each, value]) => [Buffer.from(each).toString('hex'), Buffer.from(value).toString()])
    expect(new Map(scanned as [string, string][])).toEqual(
      new Map(keys.map((each, i) => [each.toString('hex'), `value ${i}`])),
    )
    expect(scanned).toHaveLength(keys.length)
  })

  it('can be overwritten and deleted', async () => {
    for (const length of LENGTHS) {
      await store.commit([{ key: key(length), value: Buffer.from('1') }], 'p')
      await store.commit([{ key: key(length), value: Buffer.alloc(0) }], 'q')
      expect((await store.getMany([key(length)]))[0]).toHaveLength(0)
      await store.commit([{ key: key(length), value: null }], 'r')
      expect(await store.getMany([key(length)])).toEqual([undefined])
    }
    expect(entries()).toEqual([])
  })

  it('are not confused with a key that equals their hash', async () => {
    const long = key(5_000)
    const hash = createHash('sha256').update(long).digest()
    await store.commit([{ key: long, value: Buffer.from('of the long one') }], 'p')
    expect(await store.getMany([hash, Buffer.concat([Buffer.from([2]), hash])])).toEqual([undefined, undefined])
  })
})

describe('values', () => {
  it('of many pages are stored completely, including those that lmdb does not copy itself', async () => {
    for (const size of [4_000, 5_000, 1_000_000, 16_777_215, 16_777_216, 16_777_217, 40_000_000]) {
      const value = Buffer.alloc(size, `${size},`)
      await store.commit([{ key: Buffer.from('big'), value }], String(size))
      const [found] = await store.getMany([Buffer.from('big')])
      expect(Buffer.compare(found ?? Buffer.alloc(0), value)).toBe(0)
      expect(entries().map(([, scanned]) => Buffer.compare(scanned, value))).toEqual([0])
    }
  })

  it('do not change after they were read, whatever happens to the store', async () => {
    const sizes = [1, 100, 3_000, 10_000, 20_000_000]
    const keys = sizes.map((size) => Buffer.from(`key ${size}`))
    const values = sizes.map((size) => Buffer.alloc(size, `value of ${size}, `))
    await store.commit(
      keys.map((key, i) => ({ key, value: values[i] as Buffer })),
      'p',
    )
    const held = [
      await store.getMany(keys),
      entries()
        .map(([, value]) => value)
        .sort((a, b) => a.length - b.length),
    ]
    for (let i = 0; i < 20; i++)
      await store.commit(
        keys.map((key, at) => ({ key, value: i % 3 === 2 ? null : Buffer.alloc((sizes[at] as number) % 30_000, i) })),
        'q',
      )
    await store.clear()
    for (let i = 0; i < 20; i++) await store.commit([put(`other ${i}`, 'x'.repeat(10_000))], 'r')
    await stores[Symbol.asyncDispose]()
    for (const of of held)
      expect(of.map((value, i) => Buffer.compare(value as Uint8Array, values[i] as Buffer))).toEqual([0, 0, 0, 0, 0])
  })

  it('keep no more memory alive than necessary', async () => {
    await store.commit([put('a', 'x'.repeat(500)), put('b', '')], 'p')
    const [value] = await store.getMany([Buffer.from('a')])
    expect(value?.buffer.byteLength).toBe(500)
  })
})

describe('a commit', () => {
  it('is atomic: if its changes cannot be read, it writes none', async () => {
    await store.commit([put('a', '1')], 'p')
    function* broken() {
      yield put('a', '2')
      throw new Error('broken off')
    }
    await expect(async () => store.commit(broken() as never, 'q')).rejects.toThrow('broken off')
    expect(await read(store, 'a')).toEqual(['1'])
    expect(store.position).toBe('p')
  })

  it('stores any text as its position', async () => {
    for (const position of ['', '\0', '\ud800', 'ünï\n"quoted"', '0'.repeat(100_000)]) {
      await store.commit([], position)
      store = await openStore(stores, { token: 2 })
      expect(store.position).toBe(position)
    }
  })

  it('of many megabytes grows the file, and the same keys do not grow it again', async () => {
    const path = directory()
    await using large = lmdbStores({ path })
    store = await openStore(large)
    const sizes: number[] = []
    for (let round = 0; round < 12; round++) {
      const rows = Array.from({ length: 5_000 }, (_, i) => put(`key ${i}`, `${round},${i},`.repeat(200)))
      await store.commit(rows, String(round))
      expect(await read(store, 'key 4999')).toEqual([`${round},4999,`.repeat(200)])
      sizes.push(statSync(join(path, 'data.mdb')).size)
    }
    expect(sizes[0]).toBeGreaterThan(5_000_000)
    expect(sizes.at(-1)).toBeLessThan(1.2 * (sizes[3] as number))
    expect(entries()).toHaveLength(5_000)
  })
})

describe('files of a version that did not count bytes', () => {
  it('have no position, so that the store is rebuilt', async () => {
    const path = directory()
    const first = lmdbStores({ path })
    await (await openStore(first)).commit([put('a', '1')], 'p')
    await first[Symbol.asyncDispose]()
    const { application, name, partition } = ID
    const environment = open({ path, noSubdir: false })
    const rows = environment.openDB(JSON.stringify([application, name, partition]), { keyEncoding: 'binary' })
    await rows.remove(Buffer.from([3]))
    await environment.close()
    await using again = lmdbStores({ path })
    store = await openStore(again)
    expect([store.position, store.storedBytes]).toEqual([undefined, 0])
    await store.clear()
    await store.commit([put('b', '22')], 'q')
    expect([store.position, store.storedBytes, entries().length]).toEqual(['q', 3, 1])
  })
})
