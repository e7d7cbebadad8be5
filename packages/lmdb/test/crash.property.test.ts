import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directories } from './support/directories.js'
import { type Ended, program, runProgram } from './support/program.js'

/** Kills of each step; `RUNS=1000` looks for longer. */
const RUNS = Number(process.env.RUNS ?? 12)
/** The last of them comes so many microseconds after the step began, which is longer than it takes; most come early. */
const LAST_KILL_US = { open: 30_000, commit: 15_000, close: 3_000 }
const STEPS = ['open', 'commit', 'close'] as const

const directory = directories()
let file: string
beforeAll(async () => {
  file = await program('killed-process')
})
afterAll(() => rmSync(dirname(file), { recursive: true, force: true }))

const said = ({ lines }: Ended, word: string): number[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(' ')[1]))

describe('a process that is killed', () => {
  for (const step of STEPS) {
    it(`while it is in ${step} leaves stores whose rows are those of their position`, async () => {
      // a new directory each time for what happens only when the files are made
      const shared = directory()
      let acknowledged = 0
      let killed = 0
      for (let run = 0; run < RUNS; run++) {
        const path = step === 'open' ? directory() : shared
        const afterUs = Math.round(LAST_KILL_US[step] * (run / RUNS) ** 2)
        const ended = await runProgram(file, { DIRECTORY: path, STEP: step, AFTER_US: String(afterUs) })
        if (ended.signal === 'SIGKILL') killed++
        else expect(ended, `killed after ${afterUs} µs`).toMatchObject({ code: 0 })
        if (step === 'open') {
          const after = await runProgram(file, { DIRECTORY: path, STEP: 'none' })
          expect(after, `killed after ${afterUs} µs`).toMatchObject({ code: 0 })
          continue
        }
        const [whole = Number.NaN] = said(ended, 'whole')
        // what was acknowledged is there; what was not may be
        expect([acknowledged, acknowledged + 1], `killed after ${afterUs} µs`).toContain(whole)
        acknowledged = said(ended, 'committed').at(-1) ?? whole
      }
      expect(killed).toBeGreaterThan(0)
    })
  }
})
