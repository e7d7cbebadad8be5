import { isReadyFor } from '../scenario/values.js'
import { changelogTables } from './committed-state.js'
import { textOf } from './log-history.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

/** If every row is in the changelog, no event is left waiting at a commit when all of its rows are there. */
export function noMissedWakeups({ scenario, pipeline, task, tables, lifecycles }: PipelineContext): Violation[] {
  const { stream, joins } = pipeline
  const { partition, commits } = task
  const inChangelog = changelogTables(scenario)
  if (joins.some(({ table }) => !inChangelog.has(table))) return []
  const heads = new Map<string, number>()
  return lifecycles.flatMap(({ entry, expected, waitsFrom, settledBy }) => {
    if (waitsFrom === undefined || expected.type !== 'join') return []
    const key = textOf(entry.record.key)
    // it is considered once the event before it is settled
    const from = Math.max(waitsFrom, heads.get(key) ?? 0)
    const until = settledBy ?? commits.length
    heads.set(key, until)
    const missed = commits.slice(from, until).find(({ position, at }) =>
      joins.every((join) => {
        const rows = tables.get(join.table)?.rowsAt(key, position.inputs[join.table]?.next ?? 0, at) ?? []
        return rows.every((row) => row !== undefined && isReadyFor(join, row, expected.event))
      }),
    )
    if (missed === undefined) return []
    const text = `is waiting at commit ${missed.index} although its rows are there`
    return [{ law: 'a row wakes its events', text, partition, event: { stream, offset: entry.offset } }]
  })
}
