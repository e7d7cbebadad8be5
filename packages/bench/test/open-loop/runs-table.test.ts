import { expect, it } from 'vitest'
import type { MeasuredRun } from '../../src/open-loop/measured-run.js'
import { runsTable } from '../../src/open-loop/runs-table.js'

const run: MeasuredRun = {
  at: '2026-11-01T00:00:00.000Z',
  benchmark: 'rate',
  program: 'joinery',
  partitions: 4,
  rows: 10,
  rate: 20,
  lost: 0,
  doubled: 0,
  wrong: 0,
}

/** The cells of each line, without the line below the heads. */
const cells = (table: string): string[][] =>
  table
    .split('\n')
    .filter((_, i) => i !== 1)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

it('runs of one program under one load are one line: medians, and the sums of violations', () => {
  const runs = [9, 1, 5].map((p50Ms, i) => ({ ...run, p50Ms, programCpu: p50Ms / 100, lost: i, doubled: 1 }))
  expect(cells(runsTable(runs))).toEqual([
    ['program', 'partitions', 'events/s', 'runs', 'p50 ms', 'program, % of a core', 'lost', 'doubled', 'wrong'],
    ['joinery', '4', '20', '3', '5.0', '5.0', '3', '3', '0'],
  ])
})

it('every program, number of partitions, rate and benchmark has its line, in the order of the runs', () => {
  const others = [{ program: 'none' }, { partitions: 64 }, { rate: 200 }, { benchmark: 'idle' as const, rate: 0 }]
  const table = runsTable([run, ...others.map((other) => ({ ...run, ...other })), run])
  expect(
    cells(table)
      .slice(1)
      .map((line) => line.slice(0, 4)),
  ).toEqual([
    ['joinery', '4', '20', '2'],
    ['none', '4', '20', '1'],
    ['joinery', '64', '20', '1'],
    ['joinery', '4', '200', '1'],
    ['joinery', '4', 'idle', '1'],
  ])
})

it('a figure that some runs do not have is a dash there', () => {
  const [, first, second] = cells(
    runsTable([
      { ...run, brokerCpu: 0.123 },
      { ...run, program: 'none' },
    ]),
  )
  expect([first?.[4], second?.[4]]).toEqual(['12.3', '–'])
})
