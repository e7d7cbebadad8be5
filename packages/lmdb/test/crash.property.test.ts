import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directories } from './support/directories.js'
import { type Ended, program, runProgram } from './support/program.js'

/** The number of kills during each step. Set `RUNS=1000` for a longer run. */
const RUNS = Number(process.env.RUNS ?? 12)
/** The latest kill comes this many microseconds after the step began, which is longer than the step takes; most come early. */
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
    it(`during ${step} leaves stores whose rows match their position`, async () => {
      // a new directory each time, for steps that happen only when the files are created
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
        // acknowledged commits are there; the last one may be there as well
        expect([acknowledged, acknowledged + 1], `killed after ${afterUs} µs`).toContain(whole)
        acknowledged = said(ended, 'committed').at(-1) ?? whole
      }
      expect(killed).toBeGreaterThan(0)
    })
  }
})
