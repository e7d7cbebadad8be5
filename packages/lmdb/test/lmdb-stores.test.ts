import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isJoineryError } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { ID, openStore, put, read } from './support/open-store.js'

const directory = directories()

function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('lmdbStores', () => {
  it('wants the name of a directory', () => {
    expect(thrownBy(() => lmdbStores({ path: '' }))).toMatchObject({ code: 'OPTION_INVALID' })
    expect(thrownBy(() => lmdbStores({} as { path: string }))).toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('makes the directory, also one whose name looks like that of a file', async () => {
    const path = join(directory(), 'a', 'service.a')
    await using stores = lmdbStores({ path })
    await (await openStore(stores)).commit([put('a', '1')], 'p')
    expect(statSync(path).isDirectory()).toBe(true)
  })

  it('says where it cannot be', () => {
    const path = join(directory(), 'file')
    writeFileSync(path, '')
    for (const wrong of [path, join(path, 'below')]) {
      const error = thrownBy(() => lmdbStores({ path: wrong }))
      expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: false })
      expect(String(error)).toContain(wrong)
    }
  })

  it('keeps what was committed when it is disposed of and made again', async () => {
    const path = directory()
    for (let i = 0; i < 3; i++) {
      await using stores = lmdbStores({ path })
      const store = await openStore(stores)
      expect(store.position).toBe(i === 0 ? undefined : `p${i - 1}`)
      await store.commit([put(`key-${i}`, String(i))], `p${i}`)
      expect(await read(store, 'key-0', `key-${i}`)).toEqual(['0', String(i)])
    }
  })

  it('lets several applications and tasks share it, each with what is its own', async () => {
    const path = directory()
    const ids = ['a', 'b'].flatMap((application) =>
      ['rows', '$waiters'].flatMap((name) => [0, 1, 10].map((partition) => ({ application, name, partition }))),
    )
    for (const _ of [1, 2]) {
      await using stores = lmdbStores({ path })
      const all = await Promise.all(ids.map((id) => openStore(stores, id)))
      await Promise.all(all.map((store, i) => store.commit([put('key', `of ${i}`)], `at ${i}`)))
      for (const [i, store] of all.entries()) {
        expect(store.position).toBe(`at ${i}`)
        expect(await read(store, 'key')).toEqual([`of ${i}`])
        expect([...(store.entries() as Iterable<unknown>)]).toHaveLength(1)
      }
    }
  })

  it('tells names apart that differ in any character', async () => {
    await using stores = lmdbStores({ path: directory() })
    const names = [
      'a',
      'A',
      'a ',
      'a"',
      'a\\',
      'a\0',
      'a\0b',
      'é',
      'e\u0301',
      '\ud800',
      '\ud801',
      '',
      '["x"]',
      'n'.repeat(249),
    ]
    for (const name of names) await (await openStore(stores, { name })).commit([put('key', name)], name)
    for (const name of names) {
      const store = await openStore(stores, { name, token: 2 })
      expect(store.position).toBe(name)
      expect([...(store.entries() as Iterable<unknown>)]).toHaveLength(1)
    }
  })

  it('has no stores any more once it is disposed of; that may come twice', async () => {
    const stores = lmdbStores({ path: directory() })
    const store = await openStore(stores)
    await store.commit([put('a', '1')], 'p')
    const scan = store.entries() as Iterable<unknown>
    await Promise.all([stores[Symbol.asyncDispose](), stores[Symbol.asyncDispose]()])
    await stores[Symbol.asyncDispose]()
    for (const call of [
      () => store.getMany([]),
      () => store.commit([], 'q'),
      () => store.clear(),
      () => store.entries(),
      () => [...scan],
      () => stores.open(ID),
    ]) {
      await expect(async () => call()).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    }
    await store.close()
  })

  it('finishes what is being written when it is disposed of', async () => {
    const path = directory()
    const stores = lmdbStores({ path })
    const store = await openStore(stores)
    const committed = store.commit([put('a', '1')], 'p')
    await stores[Symbol.asyncDispose]()
    await committed
    await using again = lmdbStores({ path })
    expect((await openStore(again)).position).toBe('p')
  })

  it('is one for each directory, also within a process', async () => {
    const path = directory()
    const stores = lmdbStores({ path })
    const store = await openStore(stores)
    for (const _ of [1, 2]) {
      const error = thrownBy(() => lmdbStores({ path }))
      expect(isJoineryError(error, 'STORE_LOCKED')).toBe(true)
      expect(error).toMatchObject({ retriable: true })
      expect(String(error)).toContain('share one lmdbStores')
    }
    await store.commit([put('a', '1')], 'p')
    expect(await read(store, 'a')).toEqual(['1'])
    await stores[Symbol.asyncDispose]()
    await using again = lmdbStores({ path })
    expect((await openStore(again)).position).toBe('p')
  })

  it('leaves nothing behind in a directory that it could not open', async () => {
    const path = directory()
    await using stores = lmdbStores({ path })
    thrownBy(() => lmdbStores({ path }))
    expect(existsSync(join(path, 'data.mdb'))).toBe(true)
    await (await openStore(stores)).commit([], 'p')
  })
})
