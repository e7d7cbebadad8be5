import type { Scenario } from '../scenario/scenario.js'
import type { SimRow } from '../scenario/values.js'
import type { TaskHistory } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

type Tables = ReadonlyMap<string, TableHistory>

/** Tables whose rows are kept in the changelog, because their own topic cannot serve as one. */
export const changelogTables = ({ tables }: Scenario): ReadonlySet<string> =>
  new Set(
    tables.filter(({ cleanup, order }) => cleanup !== 'compact' || order !== 'table-first').map(({ name }) => name),
  )

/** I6: positions never go back, and the rows committed with each position are those of the table at that position. */
export function rowsAtEveryCommit(
  scenario: Scenario,
  { partition, commits }: TaskHistory,
  tables: Tables,
): Violation[] {
  const inChangelog = changelogTables(scenario)
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
      if (!inChangelog.has(table)) violations.push({ law, text: `the changelog contains a row of ${table}`, partition })
    }
    for (const name of inChangelog) {
      const table = tables.get(name) as TableHistory
      const { next } = position.inputs[name] ?? { next: 0 }
      const touched = new Set([
        ...table.changed(before?.inputs[name]?.next ?? 0, next),
        ...changes.filter((change) => change.table === name).map(({ key }) => key),
      ])
      for (const key of touched) {
        const stored = rows.get(`${name}/${key}`)
        const found = stored == null ? undefined : (JSON.parse(stored) as SimRow).version
        const allowed = table.rowsAt(key, next, at).map((row) => row?.version)
        if (!allowed.includes(found))
          violations.push({
            law,
            text: `row of ${name} for ${key} is ${found}, expected ${allowed}, at commit ${index}`,
            partition,
          })
      }
    }
    if (violations.length > 0) break
  }
  return violations
}
