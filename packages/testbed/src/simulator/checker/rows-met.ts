import { EPOCH } from '../brokers/broker-time.js'
import type { SimJoin, SimPipeline } from '../scenario/scenario.js'
import { isReadyFor, type SimEvent, type SimRow } from '../scenario/values.js'
import type { Life } from './lives.js'
import { type Commit, type TaskHistory, textOf } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** What the rows of a table can have been while a commit was computed. */
interface Reading {
  readonly from: number
  readonly to: number
}

/** What has to be known to judge the rows that events met. */
export interface RowsContext {
  readonly pipeline: SimPipeline
  readonly task: TaskHistory
  readonly tables: ReadonlyMap<string, TableHistory>
  /** Whether a wall clock was set: deadlines that are kept over a restart follow it. */
  readonly hadClockStep: boolean
}

/**
 * I4 and law 9: each row that an event met, or did not find, is one that its key had while the table was read from the
 * position of the commit before to that of its own; and whoever gave up waiting did so after the table was read to an end
 * behind the deadline.
 */
export function rowsMet(context: RowsContext, lives: readonly Life[]): Violation[] {
  return lives.flatMap((life) => {
    const { pipeline, task } = context
    const { fate, entry, settled } = life
    if (settled === undefined || fate.does !== 'join') return []
    const problem = problemOf(context, life, fate.event, settled)
    const { partition } = task
    return problem ? [{ ...problem, partition, event: { stream: pipeline.stream, offset: entry.offset } }] : []
  })
}

type Problem = Pick<Violation, 'law' | 'text'>

function problemOf(context: RowsContext, life: Life, event: SimEvent, settled: number): Problem | undefined {
  const { pipeline } = context
  const outcome = life.outcomes[0]?.outcome
  if (outcome?.result !== undefined) {
    const { rows } = outcome.result
    for (const [i, join] of pipeline.joins.entries()) {
      const problem = problemWith(context, life, event, settled, join, rows[i] ?? null)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const gaveUp = outcome === undefined || outcome.reason === 'no-row' || outcome.reason === 'not-ready'
  if (!gaveUp) return undefined
  const joins = pipeline.joins.filter(({ kind, table, atMostMs, otherwise }) => {
    if (kind === 'left') return false
    return outcome === undefined
      ? atMostMs === undefined || otherwise === 'drop'
      : table === outcome.table && atMostMs !== undefined && otherwise === 'dead-letter'
  })
  const problems = joins.map((join) => problemWith(context, life, event, settled, join, outcome?.reason ?? null))
  return problems.includes(undefined)
    ? undefined
    : (problems[0] ?? { law: 'I2 nothing lost', text: 'no join of the pipeline may give it up' })
}

/** `met`: the version of a row, or for want of which it went on without one (`null`: either reason). */
function problemWith(
  context: RowsContext,
  life: Life,
  event: SimEvent,
  settled: number,
  join: SimJoin,
  met: number | string | null,
): Problem | undefined {
  const table = context.tables.get(join.table) as TableHistory
  const key = textOf(life.entry.record.key)
  const { from, to } = readingOf(context.task, join.table, settled)
  const { at } = context.task.commits[settled] as Commit
  if (typeof met === 'number') {
    const isThere = table.rows(key, from, to, at).some((row) => row?.version === met && isReadyFor(join, row, event))
    return isThere
      ? undefined
      : { law: 'I4 no invention', text: `met row ${met} of ${join.table}, which ${key} had not then` }
  }
  let since = from
  if (join.atMostMs !== undefined) {
    const arrived = life.arrival === undefined ? life.entry.at : life.arrival - EPOCH
    const deadline = context.hadClockStep ? life.entry.at : arrived + join.atMostMs
    const law = 'law 9 no early expiry'
    if (at < deadline) return { law, text: `expired at ${at}, before ${deadline}` }
    const end = table.endAt(deadline)
    if (to < end) return { law, text: `expired when ${join.table} was read to ${to}, and its end was ${end}` }
    since = Math.max(from, end)
  }
  const isMissing = table.rows(key, since, to, at).some((row) => isMissed(join, row, event, met))
  if (isMissing) return undefined
  return { law: 'law 9 no expiry beside a row', text: `went on without the row of ${key} in ${join.table}` }
}

function isMissed(join: SimJoin, row: SimRow | undefined, event: SimEvent, reason: string | null): boolean {
  if (row === undefined) return reason !== 'not-ready'
  return reason !== 'no-row' && !isReadyFor(join, row, event)
}

function readingOf({ commits }: TaskHistory, table: string, index: number): Reading {
  const next = (commit: Commit | undefined) => commit?.position.inputs[table]?.next ?? 0
  return { from: next(commits[index - 1]), to: next(commits[index]) }
}
