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
  it('needs the path of a directory', () => {
    expect(thrownBy(() => lmdbStores({ path: '' }))).toMatchObject({ code: 'OPTION_INVALID' })
    expect(thrownBy(() => lmdbStores({} as { path: string }))).toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('refuses options that do not exist', () => {
    expect(thrownBy(() => lmdbStores({ path: directory(), mapSize: 1 } as { path: string }))).toMatchObject({
      code: 'OPTION_INVALID',
      problems: ['there is no option mapSize: use path, onDamage, onWarning'],
    })
  })

  it('refuses an unknown way to treat damage', () => {
    const wrong = { path: directory(), onDamage: 'delete' } as unknown as { path: string }
    expect(thrownBy(() => lmdbStores(wrong))).toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('creates the directory, even if its name looks like that of a file', async () => {
    const path = join(directory(), 'a', 'service.a')
    await using stores = lmdbStores({ path })
    await (await openStore(stores)).commit([put('a', '1')], 'p')
    expect(statSync(path).isDirectory()).toBe(true)
  })

  it('reports a path that cannot be used', () => {
    const path = join(directory(), 'file')
    writeFileSync(path, '')
    for (const wrong of [path, join(path, 'below')]) {
      const error = thrownBy(() => lmdbStores({ path: wrong }))
      expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: false })
      expect(String(error)).toContain(wrong)
    }
  })

  it('keeps commits when it is disposed of and created again', async () => {
    const path = directory()
    for (let i = 0; i < 3; i++) {
      await using stores = lmdbStores({ path })
      const store = await openStore(stores)
      expect(store.position).toBe(i === 0 ? undefined : `p${i - 1}`)
      await store.commit([put(`key-${i}`, String(i))], `p${i}`)
      expect(await read(store, 'key-0', `key-${i}`)).toEqual(['0', String(i)])
    }
  })

  it('can be shared by several applications and tasks, each with its own rows', async () => {
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

  it('distinguishes names that differ in any character', async () => {
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

  it('rejects every call after it is disposed of, which can be done twice', async () => {
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

  it('completes current writes when it is disposed of', async () => {
    const path = directory()
    const stores = lmdbStores({ path })
    const store = await openStore(stores)
    const committed = store.commit([put('a', '1')], 'p')
    await stores[Symbol.asyncDispose]()
    await committed
    await using again = lmdbStores({ path })
    expect((await openStore(again)).position).toBe('p')
  })

  it('exists once for each directory, also within a process', async () => {
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

  it('leaves no files in a directory that it could not open', async () => {
    const path = directory()
    await using stores = lmdbStores({ path })
    thrownBy(() => lmdbStores({ path }))
    expect(existsSync(join(path, 'data.mdb'))).toBe(true)
    await (await openStore(stores)).commit([], 'p')
  })
})
