import { readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { StateStore } from '@joinery/core/store'
import { describe, expect, it } from 'vitest'
import { checkPages } from '../src/check-pages.js'
import { lmdbStores } from '../src/index.js'
import { noise, overwrite, PAGE } from './support/damage.js'
import { directories } from './support/directories.js'
import { openStore, put } from './support/open-store.js'

const directory = directories()
const DEPTHS = ['roots', 'pages'] as const

/** @returns the data file of stores after `use` */
async function fileOf(use: (store: StateStore) => Promise<void>): Promise<string> {
  const path = directory()
  await using stores = lmdbStores({ path })
  await use(await openStore(stores))
  return join(path, 'data.mdb')
}

const rows = (count: number, bytes: number, from = 0) =>
  Array.from({ length: count }, (_, i) => put(`key ${from + i}`, `${i},`.repeat(bytes / 2)))

/** @returns the pages whose damage is found, of those that are overwritten one after the other */
function found(file: string, depth: (typeof DEPTHS)[number], restore: () => void): number[] {
  const pages = Array.from({ length: statSync(file).size / PAGE - 2 }, (_, i) => i + 2)
  return pages.filter((page) => {
    overwrite(file, page * PAGE, noise(PAGE))
    const { damage } = checkPages(file, depth)
    restore()
    return damage !== undefined
  })
}

describe('the check of pages', () => {
  it('finds nothing in files that LMDB has written, whatever was stored and deleted', async () => {
    const path = directory()
    const file = join(path, 'data.mdb')
    await using stores = lmdbStores({ path })
    const store = await openStore(stores)
    const other = await openStore(stores, { name: 'other' })
    for (let i = 0; i < 60; i++) {
      const deleted = rows(500, 2, i * 17).map(({ key }) => ({ key, value: null }))
      if (i % 20 === 19) await store.clear()
      else await store.commit(i % 3 === 1 ? deleted : rows(i % 5 === 0 ? 2_000 : 40, (i * 331) % 5_000, i * 13), `${i}`)
      await other.commit(rows(3, 20_000 * (i % 4)), `${i}`)
      for (const depth of DEPTHS) expect(checkPages(file, depth).damage, `${depth} after ${i}`).toBeUndefined()
    }
  })

  it('names the databases', async () => {
    const file = await fileOf((store) => store.commit([], 'p') as Promise<void>)
    expect(checkPages(file, 'roots')).toMatchObject({ names: ['["app","rows",0]\0', 'joinery\0'], pageBytes: PAGE })
  })

  it('finds each page that is in use and overwritten if all are read, and else the roots', async () => {
    const file = await fileOf((store) => store.commit(rows(200, 300), 'p') as Promise<void>)
    const copy = readFileSync(file)
    const restore = () => overwrite(file, 0, copy)
    const all = found(file, 'pages', restore)
    const roots = found(file, 'roots', restore)
    expect(all.length).toBeGreaterThan((200 * 300) / PAGE)
    expect(roots.length).toBeGreaterThan(2)
    expect(roots.length).toBeLessThan(8)
    expect(all).toEqual(expect.arrayContaining(roots))
  })

  it('accepts that free pages are missing at the end, and does not read all others for it', async () => {
    const file = await fileOf(async (store) => {
      await store.commit(rows(4_000, 300), 'p')
      await store.clear()
      for (let i = 0; i < 4; i++) await store.commit(rows(200, 300), `${i}`)
    })
    const { size } = statSync(file)
    const whole = readFileSync(file)
    let fewest = size
    for (let bytes = size - PAGE; bytes > 2 * PAGE; bytes -= PAGE) {
      truncateSync(file, bytes)
      if (checkPages(file, 'pages').damage === undefined) fewest = bytes
      else break
    }
    expect(fewest).toBeLessThan(size)
    const restore = () => {
      overwrite(file, 0, whole)
      truncateSync(file, fewest)
    }
    restore()
    const all = found(file, 'pages', restore)
    expect(found(file, 'roots', restore).length).toBeLessThan(all.length / 2)
  })

  it('finds a page that is in the place of another', async () => {
    const file = await fileOf((store) => store.commit(rows(200, 300), 'p') as Promise<void>)
    const whole = readFileSync(file)
    const pages = Array.from({ length: whole.length / PAGE - 2 }, (_, i) => i + 2)
    const isLeaf = (page: number) => whole.readUInt16LE(page * PAGE + 18) === 2
    const leaves = pages.filter((page) => isLeaf(page) && whole.readUInt16LE(page * PAGE + 20) > 8)
    const [one = 0, other = 0] = leaves
    overwrite(file, other * PAGE, whole.subarray(one * PAGE, (one + 1) * PAGE))
    expect(checkPages(file, 'pages').damage).toBe(`page ${other} is missing or overwritten`)
  })

  it('reads all pages if one that is not free is missing at the end', async () => {
    const file = await fileOf(async (store) => {
      await store.commit(rows(2_000, 300), 'p')
      for (let i = 0; i < 12; i++) await store.commit([put('key 0', `${i}`)], `${i}`)
    })
    const last = statSync(file).size - PAGE
    const at = [...Array(40).keys()].map((i) => last - i * PAGE)
    const leaf = at.find((offset) => {
      const before = readFileSync(file).subarray(offset, offset + PAGE)
      overwrite(file, offset, Buffer.alloc(PAGE))
      const isOnlyFoundInAll =
        DEPTHS.map((depth) => checkPages(file, depth).damage === undefined).join() === 'true,false'
      overwrite(file, offset, before)
      return isOnlyFoundInAll
    })
    expect(leaf).toBeDefined()
    truncateSync(file, leaf)
    expect(checkPages(file, 'roots').damage).toMatch(/page \d+/)
  })

  it('finds that pages in use are missing at the end', async () => {
    const file = await fileOf((store) => store.commit(rows(2_000, 300), 'p') as Promise<void>)
    for (const missing of [1, 10, 50]) {
      truncateSync(file, statSync(file).size - missing * PAGE)
      expect(checkPages(file, 'roots').damage).toMatch(/page \d+/)
    }
  })
})
