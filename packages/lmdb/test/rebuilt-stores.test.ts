import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StateStore } from '@joinery/core/store'
import { open } from 'lmdb'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { noise, overwrite, overwritePages, PAGE, replace } from './support/damage.js'
import { directories } from './support/directories.js'
import { openStore, put, read } from './support/open-store.js'

const ROWS = 1_000
const BEHIND = expect.objectContaining({ code: 'STORE_BEHIND', retriable: true })

const directory = directories()
const entries = (store: StateStore) => [...(store.entries() as Iterable<readonly [Uint8Array, Uint8Array]>)]

/** @returns a directory with stores, and their data file */
async function filled(): Promise<{ path: string; file: string }> {
  const path = directory()
  await using stores = lmdbStores({ path })
  const rows = Array.from({ length: ROWS }, (_, i) => put(`key ${i}`, `value ${i},`.repeat(i % 10 === 3 ? 900 : 20)))
  await (await openStore(stores)).commit(rows, 'p')
  await (await openStore(stores, { name: '$waiters' })).commit([put('w', 'waits')], 'w')
  return { path, file: join(path, 'data.mdb') }
}

/** @returns stores, and what they have warned of */
function warning(path: string) {
  const warnings: string[] = []
  return { stores: lmdbStores({ path, onWarning: (message) => warnings.push(message) }), warnings }
}

async function isEmpty(store: StateStore): Promise<void> {
  expect(store.position).toBeUndefined()
  expect(entries(store)).toEqual([])
  await store.commit([put('a', '1')], 'q')
  expect(await read(store, 'a')).toEqual(['1'])
}

describe('damaged files', () => {
  const damages: Record<string, (file: string) => void> = {
    'are not files of LMDB': (file) => writeFileSync(file, Buffer.alloc(statSync(file).size, 'not LMDB ')),
    'have no beginning': (file) => overwrite(file, 0, Buffer.alloc(2 * PAGE)),
    'have another kind of first page': (file) => overwrite(file, 18, Buffer.from([0])),
    'are noise': (file) => overwrite(file, 2 * PAGE, noise(statSync(file).size - 2 * PAGE)),
    'have no end': (file) => truncateSync(file, statSync(file).size - 100 * PAGE),
    'have entries outside of their pages': (file) => overwritePages(file, 24, Buffer.from([0xff, 0xff])),
  }
  for (const [what, damage] of Object.entries(damages))
    it(`that ${what} are replaced when they are opened, and that is reported once`, async () => {
      const { path, file } = await filled()
      damage(file)
      const first = warning(path)
      await isEmpty(await openStore(first.stores))
      await first.stores[Symbol.asyncDispose]()
      expect(first.warnings).toEqual([
        expect.stringMatching(/^the files in .* were damaged \(.+\) and are deleted: .* rebuilt from the log/),
      ])
      expect(first.warnings[0]).toContain(path)
      const again = warning(path)
      expect((await openStore(again.stores)).position).toBe('q')
      await again.stores[Symbol.asyncDispose]()
      expect(again.warnings).toEqual([])
    })

  it('are reported as a warning of the process by default', async () => {
    const { path, file } = await filled()
    overwrite(file, 0, Buffer.alloc(2 * PAGE))
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    await using stores = lmdbStores({ path })
    expect(await warned).toMatchObject({ name: 'JoineryWarning', message: expect.stringContaining(path) })
    await isEmpty(await openStore(stores))
  })

  it('that are noticed by a read are not used again: each store is behind until it is opened again', async () => {
    const { path, file } = await filled()
    const { stores, warnings } = warning(path)
    const store = await openStore(stores)
    const waiters = await openStore(stores, { name: '$waiters' })
    replace(file, 'value 77,', 'value 78,')
    expect(await read(store, 'key 76')).toEqual(['value 76,'.repeat(20)])
    expect(() => store.getMany([Buffer.from('key 77')])).toThrowError(BEHIND)
    for (const each of [store, waiters]) {
      expect(() => each.getMany([])).toThrowError(BEHIND)
      await expect(async () => each.commit([], 'q')).rejects.toMatchObject({ code: 'STORE_BEHIND' })
    }
    expect(warnings).toEqual([])
    await expect(openStore(stores, { token: 0 })).rejects.toMatchObject({ code: 'STORE_FENCED' })
    const both = await Promise.all([openStore(stores, { token: 2 }), openStore(stores, { name: '$waiters', token: 2 })])
    for (const each of both) await isEmpty(each)
    expect(warnings).toHaveLength(1)
    expect(() => store.getMany([])).toThrowError(BEHIND)
    await expect(openStore(stores, { token: 1 })).rejects.toMatchObject({ code: 'STORE_FENCED' })
    await stores[Symbol.asyncDispose]()
  })

  it('that are noticed by a scan, an opening or a commit are replaced, too', async () => {
    const found: Record<string, (store: StateStore, stores: ReturnType<typeof lmdbStores>) => unknown> = {
      'a scan': (store) => entries(store),
      'an opening': (_, stores) => openStore(stores, { name: 'other', token: 2 }),
      'a commit': (store) => store.commit([put('key 5', 'changed')], 'q'),
      'a clear': (store) => store.clear(),
    }
    for (const [what, find] of Object.entries(found)) {
      const { path, file } = await filled()
      const { stores, warnings } = warning(path)
      const store = await openStore(stores)
      overwritePages(file, 18, Buffer.from([0]))
      await expect(async () => find(store, stores), what).rejects.toMatchObject({ code: 'STORE_BEHIND' })
      await isEmpty(await openStore(stores, { token: 2 }))
      expect(warnings, what).toHaveLength(1)
      await stores[Symbol.asyncDispose]()
    }
  })

  it('that make a write fail for another reason are replaced, too', async () => {
    const { path, file } = await filled()
    const { stores, warnings } = warning(path)
    const store = await openStore(stores)
    for (let i = 0; i < 3; i++) await store.commit([put('key 5', `${i}`)], `${i}`)
    await stores[Symbol.asyncDispose]()
    const again = warning(path)
    const second = await openStore(again.stores, { token: 2 })
    overwritePages(file, PAGE - 11, Buffer.from('9')) // the numbers of free pages, which LMDB reads with the first write
    await expect(second.commit([put('new', '1')], 'q')).rejects.toMatchObject({ code: 'STORE_BEHIND' })
    await isEmpty(await openStore(again.stores, { token: 3 }))
    await again.stores[Symbol.asyncDispose]()
    expect([warnings, again.warnings]).toEqual([[], [expect.stringContaining('is not in the file')]])
  })

  it('without a row that was stored are noticed by a scan', async () => {
    const { path } = await filled()
    const raw = open({ path, noSubdir: false, keyEncoding: 'binary', overlappingSync: false, maxDbs: 10 })
    const rows = raw.openDB(JSON.stringify(['app', 'rows', 0]), { keyEncoding: 'binary' })
    await rows.remove(Buffer.from('\x01key 7'))
    await raw.close()
    await using stores = lmdbStores({ path, onWarning: () => {} })
    const store = await openStore(stores)
    expect(await read(store, 'key 8')).toHaveLength(1)
    expect(() => entries(store)).toThrowError(BEHIND)
  })

  it('do not end a scan during which the rows change', async () => {
    const { path } = await filled()
    await using stores = lmdbStores({ path })
    const store = await openStore(stores)
    const scan = (store.entries() as Iterable<unknown>)[Symbol.iterator]()
    expect(scan.next().done).toBe(false)
    await store.commit([put('key 1', '')], 'q')
    let rows = 1
    while (!scan.next().done) rows++
    expect(rows).toBe(ROWS)
    const writing = store.commit([put('key 2', '')], 'r')
    const during = entries(store)
    await writing
    expect(during).toHaveLength(ROWS)
  })

  it('are kept for inspection, unchanged, if they are not to be rebuilt', async () => {
    const { path, file } = await filled()
    replace(file, 'value 77,', 'value 78,')
    const before = readFileSync(file)
    await using stores = lmdbStores({ path, onDamage: 'fail', onWarning: (message) => expect.fail(message) })
    const store = await openStore(stores)
    for (const _ of [1, 2])
      expect(() => store.getMany([Buffer.from('key 77')])).toThrowError(
        expect.objectContaining({ code: 'STORE_CORRUPT', retriable: false }),
      )
    expect(await read(store, 'key 78')).toEqual(['value 78,'.repeat(20)])
    expect(Buffer.compare(readFileSync(file), before)).toBe(0)
  })

  it('are not replaced after the stores were disposed of', async () => {
    const { path, file } = await filled()
    const { stores, warnings } = warning(path)
    const store = await openStore(stores)
    replace(file, 'value 77,', 'value 78,')
    expect(() => store.getMany([Buffer.from('key 77')])).toThrowError(BEHIND)
    await stores[Symbol.asyncDispose]()
    await expect(openStore(stores, { token: 2 })).rejects.toMatchObject({ code: 'STORE_BEHIND' })
    expect(warnings).toEqual([])
  })

  it('of an earlier format are rebuilt', async () => {
    const { path } = await filled()
    const root = open({ path, noSubdir: false, keyEncoding: 'binary', overlappingSync: false })
    const options = { encoding: 'binary', keyEncoding: 'binary' } as const
    root.openDB('joinery', options).putSync(Buffer.from('format'), Buffer.from('1'))
    await root.close()
    const { stores, warnings } = warning(path)
    await isEmpty(await openStore(stores))
    await stores[Symbol.asyncDispose]()
    expect(warnings).toEqual([expect.stringContaining('their format is 1')])
  })
})
