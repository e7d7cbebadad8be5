import type { Totals } from '../../changelog-records.js'
import type { SimPipeline } from '../scenario/scenario.js'
import type { EventLifecycle } from './event-lifecycle.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

type Counts = Record<string, number>

interface PipelineTotals {
  in: number
  emitted: number
  waiting: number
  clamped: number
  readonly dropped: Counts
  readonly deadLettered: Counts
  readonly joined: Counts
  readonly unmatched: Counts
}

const increment = (counts: Counts, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Law 1 at every commit: the totals are those of everything committed so far. */
export function totalsAtEveryCommit({ pipeline, task, lifecycles }: PipelineContext): Violation[] {
  const { partition, commits } = task
  const violations: Violation[] = []
  const byCommit = commits.map((): { in: EventLifecycle[]; done: EventLifecycle[] } => ({ in: [], done: [] }))
  for (const lifecycle of lifecycles) {
    if (lifecycle.consumedBy !== undefined) byCommit[lifecycle.consumedBy]?.in.push(lifecycle)
    if (lifecycle.settledBy !== undefined) byCommit[lifecycle.settledBy]?.done.push(lifecycle)
  }
  const expected: PipelineTotals = {
    in: 0,
    emitted: 0,
    waiting: 0,
    clamped: 0,
    dropped: {},
    deadLettered: {},
    joined: {},
    unmatched: {},
  }
  for (const { index, position } of commits) {
    const { in: came, done } = byCommit[index] as { in: EventLifecycle[]; done: EventLifecycle[] }
    expected.in += came.length
    expected.waiting += came.length - done.length
    for (const lifecycle of done) count(expected, pipeline, lifecycle)
    const totals = position.totals[pipeline.stream] as Totals
    for (const [name, value] of Object.entries(expected)) {
      const [found, due] = [normalized(totals[name as keyof PipelineTotals]), normalized(value)]
      if (found === due) continue
      const law = 'law 1 at every commit'
      violations.push({ law, text: `${name} is ${found}, expected ${due}, at commit ${index}`, partition })
    }
    if (violations.length > 0) return violations
  }
  return violations
}

function count(totals: PipelineTotals, { joins }: SimPipeline, { expected, entry, outcomes }: EventLifecycle): void {
  const outcome = outcomes[0]?.outcome
  if (outcome === undefined) {
    increment(totals.dropped, expected.type === 'drop' ? expected.reason : 'no-row')
    return
  }
  if (outcome.entry.record.timestamp !== entry.record.timestamp) totals.clamped++
  if (outcome.reason !== undefined) {
    increment(totals.deadLettered, outcome.reason)
    return
  }
  totals.emitted++
  joins.forEach(({ table }, i) => {
    // without a key, no join looks for a row
    increment(outcome.result?.rows[i] == null ? totals.unmatched : totals.joined, table)
  })
}

/** Counts as text. The log does not show which of the two reasons for a missing row a dropped event had. */
function normalized(value: number | Readonly<Counts>): string {
  if (typeof value === 'number') return String(value)
  const counts: Counts = {}
  for (const [name, times] of Object.entries(value)) {
    const as = name === 'not-ready' ? 'no-row' : name
    counts[as] = (counts[as] ?? 0) + times
  }
  return JSON.stringify(Object.entries(counts).sort())
}
