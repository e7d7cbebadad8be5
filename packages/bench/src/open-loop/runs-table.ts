import { markdownTable } from '@joinery/testbed'
import { percentile } from '../percentile.js'
import type { MeasuredRun } from './measured-run.js'

type Figure =
  | 'p50Ms'
  | 'p99Ms'
  | 'maxMs'
  | 'commitsPerSecond'
  | 'programCpu'
  | 'brokerCpu'
  | 'loadCpu'
  | 'othersCpu'
  | 'peakRssMb'
  | 'sendLagMs'
  | 'readyMs'
  | 'allOutputsMs'
  | 'cpuSeconds'

interface Column {
  readonly head: string
  readonly digits: number
  readonly factor?: number
}

const PERCENT = { digits: 1, factor: 100 }
const COLUMNS: Readonly<Record<Figure, Column>> = {
  p50Ms: { head: 'p50 ms', digits: 1 },
  p99Ms: { head: 'p99 ms', digits: 1 },
  maxMs: { head: 'max ms', digits: 1 },
  commitsPerSecond: { head: 'commits/s', digits: 1 },
  readyMs: { head: 'ready ms', digits: 0 },
  allOutputsMs: { head: 'all outputs ms', digits: 0 },
  cpuSeconds: { head: 'CPU s', digits: 2 },
  programCpu: { head: 'program, % of a core', ...PERCENT },
  brokerCpu: { head: 'broker, %', ...PERCENT },
  loadCpu: { head: 'load, %', ...PERCENT },
  othersCpu: { head: 'others, %', ...PERCENT },
  peakRssMb: { head: 'peak RSS MB', digits: 0 },
  sendLagMs: { head: 'latest send ms', digits: 1 },
}
const ABSENT = '–'

/** @returns a table with one line for the runs of each program under each load: medians, and the sums of what must not be */
export function runsTable(runs: readonly MeasuredRun[]): string {
  const groups = new Map<string, [MeasuredRun, ...MeasuredRun[]]>()
  for (const run of runs) {
    const id = JSON.stringify([run.benchmark, run.program, run.partitions, run.rate])
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [run])
    else group.push(run)
  }
  const figures = (Object.keys(COLUMNS) as Figure[]).filter((figure) => runs.some((run) => run[figure] !== undefined))
  const heads = ['program', 'partitions', 'events/s', 'runs', ...figures.map((figure) => COLUMNS[figure].head)]
  const lines = [...groups.values()].map((group) => [
    group[0].program,
    String(group[0].partitions),
    group[0].benchmark === 'rate' ? String(group[0].rate) : group[0].benchmark,
    String(group.length),
    ...figures.map((figure) => text(median(group.map((run) => run[figure])), COLUMNS[figure])),
    ...(['lost', 'doubled', 'wrong'] as const).map((kind) => String(group.reduce((sum, run) => sum + run[kind], 0))),
  ])
  return markdownTable([...heads, 'lost', 'doubled', 'wrong'], lines)
}

function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  return percentile(sorted, 0.5)
}

const text = (value: number | undefined, { digits, factor = 1 }: Column): string =>
  value === undefined ? ABSENT : (value * factor).toFixed(digits)
