import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'lmdb'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { openStore } from './support/open-store.js'

const directory = directories()

/** @returns what a directory holds, with the contents of its data file */
const contentsOf = (path: string) => ({
  names: readdirSync(path).sort(),
  data: readFileSync(join(path, 'data.mdb')).toString('latin1'),
})

function isRefused(path: string): void {
  const before = contentsOf(path)
  for (const onDamage of ['rebuild', 'fail'] as const) {
    const warned = (message: string) => expect.fail(message)
    expect(() => lmdbStores({ path, onDamage, onWarning: warned })).toThrowError(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringContaining(`${path} holds files of LMDB that are not those of stores`),
      }),
    )
  }
  expect(contentsOf(path)).toEqual(before)
}

async function ofAnotherProgram(path: string, pageSize: number, databases: readonly string[]): Promise<void> {
  const root = open({ path, noSubdir: false, pageSize, overlappingSync: false, maxDbs: 5 })
  for (const name of databases) await root.openDB(name, {}).put('key', 'value')
  if (databases.length === 0) await root.put('key', 'value'.repeat(10_000))
  await root.close()
}

describe('files of another program', () => {
  for (const pageSize of [4_096, 8_192, 16_384])
    it(`are refused and left as they are, with pages of ${pageSize} bytes`, async () => {
      for (const databases of [['theirs'], ['a', 'z'], []]) {
        const path = directory()
        await ofAnotherProgram(path, pageSize, databases)
        isRefused(path)
        mkdirSync(join(path, 'owner')) // as a process of stores leaves it
        isRefused(path)
      }
    })

  it('are refused if they are not files of LMDB', () => {
    for (const text of ['theirs', 'theirs'.repeat(5_000)]) {
      const path = directory()
      writeFileSync(join(path, 'data.mdb'), text)
      isRefused(path)
    }
  })

  it('are refused if they are directories', async () => {
    for (const name of ['data.mdb', 'lock.mdb', 'owner/lock.mdb']) {
      const path = directory()
      mkdirSync(join(path, name), { recursive: true })
      expect(() => lmdbStores({ path })).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('is not a file') }),
      )
    }
  })

  it('with other names stay in the directory', async () => {
    const path = directory()
    for (const name of ['reserve', 'notes']) writeFileSync(join(path, name), name)
    await using stores = lmdbStores({ path })
    await (await openStore(stores)).commit([], 'p')
    for (const name of ['reserve', 'notes']) expect(readFileSync(join(path, name), 'utf8')).toBe(name)
  })

  it('are not stores that were copied without their lock', async () => {
    const [path, copy] = [directory(), directory()]
    const first = lmdbStores({ path })
    await (await openStore(first)).commit([], 'p')
    await first[Symbol.asyncDispose]()
    writeFileSync(join(copy, 'data.mdb'), readFileSync(join(path, 'data.mdb')))
    await using stores = lmdbStores({ path: copy })
    expect((await openStore(stores)).position).toBe('p')
  })
})
