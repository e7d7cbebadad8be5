import type { Scenario, SimPipeline } from '../scenario/scenario.js'
import { isReadyFor, type SimRow } from '../scenario/values.js'
import type { Life } from './lives.js'
import { type TaskHistory, textOf } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

type Tables = ReadonlyMap<string, TableHistory>

/** Tables whose own topic cannot serve as a changelog. */
export const keptTables = ({ tables }: Scenario): ReadonlySet<string> =>
  new Set(
    tables.filter(({ cleanup, start }) => cleanup !== 'compact' || start !== 'table-first').map(({ name }) => name),
  )

/** I6: positions only go on, and the rows that are committed with each are those of their table at that position. */
export function rowsAtEveryCommit(
  scenario: Scenario,
  { partition, commits }: TaskHistory,
  tables: Tables,
): Violation[] {
  const kept = keptTables(scenario)
  const violations: Violation[] = []
  const rows = new Map<string, string | null>()
  const law = 'I6 offsets and state agree'
  for (const [index, { position, at, rows: changes }] of commits.entries()) {
    const before = commits[index - 1]?.position
    for (const [topic, { next }] of Object.entries(position.inputs)) {
      const earlier = before?.inputs[topic]?.next ?? 0
      if (next < earlier) violations.push({ law, text: `${topic} went from ${earlier} back to ${next}`, partition })
    }
    for (const { table, key, value } of changes) {
      rows.set(`${table}/${key}`, value)
      if (!kept.has(table)) violations.push({ law, text: `a row of ${table} is in the changelog`, partition })
    }
    for (const name of kept) {
      const table = tables.get(name) as TableHistory
      const { next } = position.inputs[name] ?? { next: 0 }
      const touched = new Set([
        ...table.changed(before?.inputs[name]?.next ?? 0, next),
        ...changes.filter((change) => change.table === name).map(({ key }) => key),
      ])
      for (const key of touched) {
        const stored = rows.get(`${name}/${key}`)
        const found = stored == null ? undefined : (JSON.parse(stored) as SimRow).version
        const due = table.rowsAt(key, next, at).map((row) => row?.version)
        if (!due.includes(found))
          violations.push({
            law,
            text: `${name} has row ${found} of ${key} and not ${due}, at commit ${index}`,
            partition,
          })
      }
    }
    if (violations.length > 0) break
  }
  return violations
}

/** Where the changelog has every row, a commit leaves no event waiting whose rows are all there. */
export function noMissedWakes(
  scenario: Scenario,
  { stream, joins }: SimPipeline,
  { partition, commits }: TaskHistory,
  tables: Tables,
  lives: readonly Life[],
): Violation[] {
  const kept = keptTables(scenario)
  if (joins.some(({ table }) => !kept.has(table))) return []
  const heads = new Map<string, number>()
  return lives.flatMap(({ entry, fate, waits, settled }) => {
    if (waits === undefined || fate.does !== 'join') return []
    const key = textOf(entry.record.key)
    // it is looked at from when the one before it has gone
    const from = Math.max(waits, heads.get(key) ?? 0)
    const until = settled ?? commits.length
    heads.set(key, until)
    const missed = commits.slice(from, until).find(({ position, at }) =>
      joins.every((join) => {
        const rows = tables.get(join.table)?.rowsAt(key, position.inputs[join.table]?.next ?? 0, at) ?? []
        return rows.every((row) => row !== undefined && isReadyFor(join, row, fate.event))
      }),
    )
    if (missed === undefined) return []
    const text = `waits at commit ${missed.index} though its rows are there`
    return [{ law: 'a row wakes its events', text, partition, event: { stream, offset: entry.offset } }]
  })
}

/** I12: what waits at a commit is within the bounds. */
export function roomsAreBounded(
  { stream, joins, maxRecords, maxKiB }: SimPipeline,
  { partition, commits }: TaskHistory,
  lives: readonly Life[],
): Violation[] {
  // a join without a wait has no bounds: after a start it holds what it cannot decide yet
  if (joins.some(({ atMostMs }) => atMostMs === undefined)) return []
  const changes = commits.map(() => ({ records: 0, bytes: 0 }))
  for (const { waits, settled, bytes } of lives) {
    const came = waits === undefined ? undefined : changes[waits]
    if (came === undefined) continue
    came.records++
    came.bytes += bytes
    const gone = settled === undefined ? undefined : changes[settled]
    if (gone === undefined) continue
    gone.records--
    gone.bytes -= bytes
  }
  let [records, sum] = [0, 0]
  for (const [index, change] of changes.entries()) {
    records += change.records
    sum += change.bytes
    if (records > Math.max(1, maxRecords) || (records > 1 && sum > maxKiB * 1024)) {
      const text = `${records} events of ${stream} with ${sum} bytes wait at commit ${index}`
      return [{ law: 'I12 bounded memory', text, partition }]
    }
  }
  return []
}
