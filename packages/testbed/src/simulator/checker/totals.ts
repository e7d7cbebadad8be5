import type { Totals } from '../../changelog-records.js'
import type { SimPipeline } from '../scenario/scenario.js'
import type { Life } from './lives.js'
import type { TaskHistory } from './log-history.js'
import type { Violation } from './violation.js'

type Counts = Record<string, number>

interface Expected {
  in: number
  emitted: number
  waiting: number
  clamped: number
  readonly dropped: Counts
  readonly deadLettered: Counts
  readonly joined: Counts
  readonly unmatched: Counts
}

const up = (counts: Counts, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Law 1 at every commit: the totals are those of what was committed so far, and add up. */
export function totalsAtEveryCommit(
  pipeline: SimPipeline,
  { partition, commits }: TaskHistory,
  lives: readonly Life[],
): Violation[] {
  const violations: Violation[] = []
  const byCommit = commits.map((): { in: Life[]; done: Life[] } => ({ in: [], done: [] }))
  for (const life of lives) {
    if (life.consumed !== undefined) byCommit[life.consumed]?.in.push(life)
    if (life.settled !== undefined) byCommit[life.settled]?.done.push(life)
  }
  const expected: Expected = {
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
    const { in: came, done } = byCommit[index] as { in: Life[]; done: Life[] }
    expected.in += came.length
    expected.waiting += came.length - done.length
    for (const life of done) count(expected, pipeline, life)
    const totals = position.totals[pipeline.stream] as Totals
    for (const [name, value] of Object.entries(expected)) {
      const [found, due] = [merged(totals[name as keyof Expected]), merged(value)]
      if (found === due) continue
      const law = 'law 1 at every commit'
      violations.push({ law, text: `${name} is ${found} and should be ${due}, at commit ${index}`, partition })
    }
    if (violations.length > 0) return violations
  }
  return violations
}

function count(expected: Expected, { joins }: SimPipeline, { fate, entry, outcomes }: Life): void {
  const outcome = outcomes[0]?.outcome
  if (outcome === undefined) {
    up(expected.dropped, fate.does === 'drop' ? fate.reason : 'no-row')
    return
  }
  if (outcome.entry.record.timestamp !== entry.record.timestamp) expected.clamped++
  if (outcome.reason !== undefined) {
    up(expected.deadLettered, outcome.reason)
    return
  }
  expected.emitted++
  joins.forEach(({ table }, i) => {
    // without a key no join has looked for a row
    up(outcome.result?.rows[i] == null ? expected.unmatched : expected.joined, table)
  })
}

/** Counts in one text; which of the two reasons for want of a row a dropped event had cannot be seen in the log. */
function merged(value: number | Readonly<Counts>): string {
  if (typeof value === 'number') return String(value)
  const counts: Counts = {}
  for (const [name, times] of Object.entries(value)) {
    const as = name === 'not-ready' ? 'no-row' : name
    counts[as] = (counts[as] ?? 0) + times
  }
  return JSON.stringify(Object.entries(counts).sort())
}
