import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isJoineryError } from '@joinery/core'
import { open } from 'lmdb'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { openStore, put, read } from './support/open-store.js'

const ROWS = 1_000

const directory = directories()

/** Some rows share pages, others have separate pages. */
const valueAt = (i: number): string => `${i},`.repeat(i % 10 === 3 ? 5_000 : 200)

/** @returns a directory with stores, and their data file */
async function filled(): Promise<{ path: string; file: string }> {
  const path = directory()
  await using stores = lmdbStores({ path })
  const store = await openStore(stores)
  await store.commit(
    Array.from({ length: ROWS }, (_, i) => put(`key ${i}`, valueAt(i))),
    'p',
  )
  return { path, file: join(path, 'data.mdb') }
}

function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, at)
  closeSync(descriptor)
}

/** Damaged files are kept. */
const keeping = (path: string) => lmdbStores({ path, onDamage: 'fail' })

function isRefused(path: string): void {
  // twice: the first failure must release everything
  for (const _ of [1, 2]) {
    let error: unknown
    try {
      keeping(path)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'STORE_CORRUPT', retriable: false })
    expect(String(error)).toContain(path)
    expect(String(error)).toContain('delete the directory')
  }
}

describe('damaged files that are kept', () => {
  it('whose end is missing return the right row or an error, never another row', async () => {
    const isDamage = (error: unknown) => {
      if (!isJoineryError(error, 'STORE_CORRUPT')) throw error
      return true
    }
    /** @returns the number of rows that cause an error, or all if the stores cannot be opened */
    const unreadable = async (path: string): Promise<number> => {
      await using stores = keeping(path)
      const store = await openStore(stores)
      let count = 0
      for (let i = 0; i < ROWS; i++) {
        const values = await read(store, `key ${i}`).catch((error: unknown) => isDamage(error) && undefined)
        if (values === undefined) count++
        else expect(values).toEqual([valueAt(i)])
      }
      return count
    }
    for (const missing of [1, 4_096, 100_000, 1_000_000, 2_000_000]) {
      const { path, file } = await filled()
      truncateSync(file, statSync(file).size - missing)
      const count = await unreadable(path).catch((error: unknown) => (isDamage(error) ? ROWS : 0))
      if (missing >= 1_000_000) expect(count).toBeGreaterThan(0)
    }
  })

  it('are rejected if they are not files of LMDB', async () => {
    const { path, file } = await filled()
    writeFileSync(file, Buffer.alloc(statSync(file).size, 'not LMDB '))
    isRefused(path)
  })

  it('are rejected if the beginning was overwritten', async () => {
    const { path, file } = await filled()
    overwrite(file, 0, Buffer.alloc(8_192))
    isRefused(path)
  })

  it('are rejected if their format is that of a later version, whatever the options', async () => {
    const { path } = await filled()
    const root = open({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary', overlappingSync: false })
    root
      .openDB('joinery', { encoding: 'binary', keyEncoding: 'binary' })
      .putSync(Buffer.from('format'), Buffer.from('3'))
    await root.close()
    isRefused(path)
    expect(() => lmdbStores({ path })).toThrowError(/format 3, but this version reads format 2: run the version/)
  })

  it('of the lock are recreated, because they have no contents', async () => {
    const { path } = await filled()
    for (const damage of [Buffer.alloc(8_192), Buffer.alloc(20_000, 'x'), Buffer.alloc(10)]) {
      writeFileSync(join(path, 'owner', 'data.mdb'), damage)
      await using stores = lmdbStores({ path })
      expect((await openStore(stores)).position).toBe('p')
    }
  })

  it('fail only the reads of invalid rows', async () => {
    const { path } = await filled()
    await using stores = keeping(path)
    const store = await openStore(stores)
    const long = Buffer.alloc(5_000, 'long')
    await store.commit([{ key: long, value: Buffer.from('1') }], 'q')
    const raw = open({
      path,
      noSubdir: false,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
      maxDbs: 10,
    })
    const rows = raw.openDB(JSON.stringify(['app', 'rows', 0]), { encoding: 'binary', keyEncoding: 'binary' })
    const [key] = rows.getKeys({ start: Buffer.from([2]), limit: 1 })
    for (const value of ['', '\0\0', '\xff\xff\xff\xff', '\xff'.repeat(5_000), `${'\xff'.repeat(5_000)}\x01`]) {
      rows.putSync(key as Uint8Array, Buffer.from(value, 'latin1'))
      expect(() => store.getMany([long])).toThrowError(expect.objectContaining({ code: 'STORE_CORRUPT' }))
      expect(() => [...(store.entries() as Iterable<unknown>)]).toThrowError(
        expect.objectContaining({ code: 'STORE_CORRUPT' }),
      )
    }
    expect(await read(store, 'key 1')).toEqual([valueAt(1)])
    await raw.close()
  })

  it('are recreated if the process was killed while it created them', async () => {
    const { path, file } = await filled()
    const header = readFileSync(file).subarray(0, 4_096)
    for (const part of [Buffer.alloc(0), header.subarray(0, 100), header, Buffer.alloc(8_192)]) {
      writeFileSync(file, part)
      await using stores = lmdbStores({ path })
      const store = await openStore(stores)
      expect(store.position).toBeUndefined()
      await store.commit([put('a', '1')], 'p')
    }
  })
})
