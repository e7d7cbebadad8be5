import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directories } from './support/directories.js'
import { program, runProgram } from './support/program.js'

const directory = directories()
let file: string
beforeAll(async () => {
  file = await program('few-descriptors-process')
})
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }))

const limited = ['bash', '-c', 'ulimit -c 0 -n 80; exec "$@"', '_']

describe.skipIf(process.platform === 'win32')('a process with few file descriptors left', () => {
  it('gets an error, and opens the stores once there are more, new and existing ones', async () => {
    const existing = directory()
    await runProgram(file, { DIRECTORY: existing, LEFT: '1000' })
    // at the latest, 24 are enough
    for (const left of [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 24])
      for (const path of left % 2 === 0 ? [directory(), existing] : [directory()]) {
        const { lines, code, errors } = await runProgram(file, { DIRECTORY: path, LEFT: String(left) }, limited)
        expect({ code, errors }, `${left} left`).toEqual({ code: 0, errors: '' })
        const failed = /^STORE_FAILED retriable=true .*EMFILE.*raise the limit of open files/
        expect(lines, `${left} left`).toEqual([left >= 24 ? 'committed' : expect.stringMatching(failed), 'committed'])
      }
  }, 120_000)
})
