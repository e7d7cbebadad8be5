import { rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPages } from '../src/check-pages.js'
import { lmdbStores } from '../src/index.js'
import { noise, overwrite, PAGE } from './support/damage.js'
import { directories } from './support/directories.js'
import { openStore, put } from './support/open-store.js'
import { type Ended, program, runProgram } from './support/program.js'

const ROWS = 3_000

const directory = directories()
let file: string
beforeAll(async () => {
  file = await program('reading-process')
})
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }))

async function filled(): Promise<string> {
  const path = directory()
  await using stores = lmdbStores({ path })
  const rows = Array.from({ length: ROWS }, (_, i) => put(`key ${i}`, `${i},`.repeat(60)))
  await (await openStore(stores)).commit(rows, 'p')
  return path
}

/** Overwrites a leaf in the middle, which is not read before rows are. */
function damageOneLeaf(path: string): void {
  const data = join(path, 'data.mdb')
  for (let page = 10; page < statSync(data).size / PAGE; page++) {
    overwrite(data, page * PAGE + 20, Buffer.concat([Buffer.from([4, 0, 8, 0]), noise(PAGE - 24)]))
    if (checkPages(data, 'roots').damage === undefined && checkPages(data, 'pages').damage !== undefined) return
  }
}

describe('processes that do not close their stores', () => {
  it('are followed by one that checks every page after three, so that damage does not end each of them', async () => {
    const path = await filled()
    damageOneLeaf(path)
    const ends: Ended[] = []
    for (let i = 0; i < 5; i++) ends.push(await runProgram(file, { DIRECTORY: path }))
    const warnings = ends.map(({ lines }) => lines.filter((line) => line.startsWith('warning ')).length)
    expect(warnings).toEqual([0, 0, 0, 1, 0])
    expect(ends[3]?.lines).toEqual([expect.stringMatching(/^warning .* \(.*page \d+.*\)/), 'read 0'])
    expect(ends[4]?.lines).toEqual(['read 0'])
  }, 60_000)

  it('keep stores that are not damaged', async () => {
    const path = await filled()
    for (let i = 0; i < 5; i++) expect((await runProgram(file, { DIRECTORY: path })).lines).toEqual([`read ${ROWS}`])
  }, 60_000)
})
