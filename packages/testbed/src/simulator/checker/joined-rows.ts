import { EPOCH } from '../brokers/broker-time.js'
import type { SimJoin } from '../scenario/scenario.js'
import { isReadyFor, type SimEvent, type SimRow } from '../scenario/values.js'
import type { EventLifecycle } from './event-lifecycle.js'
import { type Commit, type TaskHistory, textOf } from './log-history.js'
import type { PipelineContext } from './pipeline-context.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** The offsets of a table that were read while a commit was computed. */
interface ReadRange {
  readonly from: number
  readonly to: number
}

/**
 * I4 and law 9: each row that an event was joined with, or did not find, is one that its key had while the table was read from the
 * position of the previous commit to that of its own. An event expires only after the table was read to an end beyond its
 * deadline.
 */
export function joinedRows(context: PipelineContext): Violation[] {
  const { pipeline, task, lifecycles } = context
  return lifecycles.flatMap((lifecycle) => {
    const { expected, entry, settledBy } = lifecycle
    if (settledBy === undefined || expected.type !== 'join') return []
    const problem = problemOf(context, { lifecycle, event: expected.event, settledBy })
    const { partition } = task
    return problem ? [{ ...problem, partition, event: { stream: pipeline.stream, offset: entry.offset } }] : []
  })
}

type Problem = Pick<Violation, 'law' | 'text'>

/** An event that was to be joined, and has its outcome. */
interface SettledEvent {
  readonly lifecycle: EventLifecycle
  readonly event: SimEvent
  readonly settledBy: number
}

function problemOf(context: PipelineContext, settled: SettledEvent): Problem | undefined {
  const { pipeline } = context
  const outcome = settled.lifecycle.outcomes[0]?.outcome
  if (outcome?.result !== undefined) {
    const { rows } = outcome.result
    for (const [i, join] of pipeline.joins.entries()) {
      const problem = problemWithJoin(context, settled, join, rows[i] ?? null)
      if (problem !== undefined) return problem
    }
    return undefined
  }
  const hasExpired = outcome === undefined || outcome.reason === 'no-row' || outcome.reason === 'not-ready'
  if (!hasExpired) return undefined
  const joins = pipeline.joins.filter(({ kind, table, atMostMs, otherwise }) => {
    if (kind === 'left') return false
    return outcome === undefined
      ? atMostMs === undefined || otherwise === 'drop'
      : table === outcome.table && atMostMs !== undefined && otherwise === 'dead-letter'
  })
  const problems = joins.map((join) => problemWithJoin(context, settled, join, outcome?.reason ?? null))
  return problems.includes(undefined)
    ? undefined
    : (problems[0] ?? { law: 'I2 nothing lost', text: 'no join of the pipeline may drop it' })
}

/** @param joined the version of the row, or the reason why there is none; `null`: any reason */
function problemWithJoin(
  context: PipelineContext,
  { lifecycle, event, settledBy }: SettledEvent,
  join: SimJoin,
  joined: number | string | null,
): Problem | undefined {
  const table = context.tables.get(join.table) as TableHistory
  const key = textOf(lifecycle.entry.record.key)
  const { from, to } = readRangeOf(context.task, join.table, settledBy)
  const { at } = context.task.commits[settledBy] as Commit
  if (typeof joined === 'number') {
    const isThere = table.rows(key, from, to, at).some((row) => row?.version === joined && isReadyFor(join, row, event))
    return isThere
      ? undefined
      : { law: 'I4 only existing rows', text: `joined row ${joined} of ${join.table}, which ${key} did not have then` }
  }
  let since = from
  if (join.atMostMs !== undefined) {
    const arrived = lifecycle.arrival === undefined ? lifecycle.entry.at : lifecycle.arrival - EPOCH
    const deadline = context.hadClockStep ? lifecycle.entry.at : arrived + join.atMostMs
    const law = 'law 9 no early expiry'
    if (at < deadline) return { law, text: `expired at ${at}, before ${deadline}` }
    const end = table.endAt(deadline)
    if (to < end) return { law, text: `expired when ${join.table} was read to ${to}, but its end was ${end}` }
    since = Math.max(from, end)
  }
  const wasMissing = table.rows(key, since, to, at).some((row) => isMissing(join, row, event, joined))
  if (wasMissing) return undefined
  return { law: 'law 9 no expiry despite a row', text: `expired although ${join.table} has a row for ${key}` }
}

function isMissing(join: SimJoin, row: SimRow | undefined, event: SimEvent, reason: string | null): boolean {
  if (row === undefined) return reason !== 'not-ready'
  return reason !== 'no-row' && !isReadyFor(join, row, event)
}

function readRangeOf({ commits }: TaskHistory, table: string, index: number): ReadRange {
  const next = (commit: Commit | undefined) => commit?.position.inputs[table]?.next ?? 0
  return { from: next(commits[index - 1]), to: next(commits[index]) }
}
