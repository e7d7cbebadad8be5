import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directories } from './support/directories.js'
import { program, runProgram } from './support/program.js'

/** The largest file in bytes: some of the commits fit. */
const LIMIT = 6_000_000

const directory = directories()
let file: string
beforeAll(async () => {
  file = await program('full-disk-process')
})
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }))

const limited = ['prlimit', `--fsize=${LIMIT}:unlimited`]

// other systems have no command that limits a running process
describe.skipIf(process.platform !== 'linux')('a disk that is full', () => {
  it('fails commits, which change nothing; when there is room again, the next attempt succeeds', async () => {
    const { lines, code, errors } = await runProgram(file, { DIRECTORY: directory(), LIFT: 'yes' }, limited)
    expect(code).toBe(0)
    expect(errors).toBe('')
    expect(lines.filter((line) => line.startsWith('unhandled'))).toEqual([])
    const failures = lines.filter((line) => line.startsWith('STORE_'))
    expect(failures).toHaveLength(4)
    const before = lines.indexOf(failures[0] as string)
    expect(before).toBeGreaterThan(0)
    for (const failure of failures)
      expect(failure).toBe(`STORE_FAILED retriable=true position=${before} rows=500,undefined`)
    expect(lines.filter((line) => line.startsWith('message'))[0]).toMatch(
      /: EIO; check the disk, which has \d+ bytes free/,
    )
    expect(lines.slice(-2)).toEqual(['committed 12', 'ended'])
  })

  it('without room for new files causes an error at once', async () => {
    const { lines, code } = await runProgram(file, { DIRECTORY: directory() }, ['prlimit', '--fsize=1000:unlimited'])
    expect(lines).toEqual([expect.stringMatching(/^STORE_FAILED retriable=true .*check the disk/)])
    expect(code).toBe(0)
  })

  it('does not prevent disposing of the stores, or opening them again', async () => {
    const path = directory()
    const first = await runProgram(file, { DIRECTORY: path }, limited)
    expect(first.lines.at(-1)).toBe('ended')
    expect(first.code).toBe(0)
    const again = await runProgram(file, { DIRECTORY: path })
    expect(again.lines.slice(-2)).toEqual(['committed 12', 'ended'])
  })
})
