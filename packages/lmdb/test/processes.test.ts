import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directories } from './support/directories.js'
import { program, runProgram } from './support/program.js'

const directory = directories()
let file: string
beforeAll(async () => {
  file = await program('owning-process')
})
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }))

/** @returns a process that has the directory open */
async function owner(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [file], { env: { ...process.env, DIRECTORY: path }, stdio: 'pipe' })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  expect(String(line)).toMatch(/^open /)
  return child
}

const another = (path: string) => runProgram(file, { DIRECTORY: path })

describe('two processes on one directory', () => {
  it('are not possible: the second gets an error with the id of the first, and changes nothing', async () => {
    const path = directory()
    const first = await owner(path)
    const ended = once(first, 'exit')
    for (const _ of [1, 2, 3]) {
      const second = await another(path)
      expect(second).toMatchObject({ code: 0, errors: '' })
      expect(second.lines).toEqual([
        `STORE_LOCKED STORE_LOCKED: ${path} is open in process ${first.pid}: use a separate directory for each process`,
      ])
    }
    first.stdin?.end()
    expect(await ended).toEqual([0, null])
    expect((await another(path)).lines).toEqual(['open 2'])
  }, 60_000)

  it('can follow each other immediately, even if the first was killed', async () => {
    const path = directory()
    for (let i = 1; i <= 5; i++) {
      const killed = await owner(path)
      const ended = once(killed, 'exit')
      killed.kill('SIGKILL')
      expect(await ended).toEqual([null, 'SIGKILL'])
    }
    expect((await another(path)).lines).toEqual(['open 6'])
  }, 60_000)

  it('that start at the same time: at most one opens it, and it can be opened afterwards', async () => {
    const path = directory()
    for (let round = 0; round < 3; round++) {
      // their standard input is closed, so the owner releases the directory at once
      const all = await Promise.all(Array.from({ length: 4 }, () => another(path)))
      for (const { lines, code } of all) {
        expect(code).toBe(0)
        expect(lines).toHaveLength(1)
        expect(lines[0]).toMatch(/^(open \d+|STORE_LOCKED .*)$/)
      }
      const positions = all.flatMap(({ lines }) => lines.filter((line) => line.startsWith('open ')))
      expect(new Set(positions).size).toBe(positions.length)
    }
    expect((await another(path)).lines[0]).toMatch(/^open /)
  }, 60_000)
})
