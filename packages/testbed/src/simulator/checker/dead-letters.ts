import type { Scenario } from '../scenario/scenario.js'
import type { TaskHistory } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** I16: table records that cannot be decoded are dead-lettered once, with the commit that passes them. */
export function tableDeadLetters(
  { tables: described }: Scenario,
  { partition, commits }: TaskHistory,
  tables: ReadonlyMap<string, TableHistory>,
): Violation[] {
  return described.flatMap(({ name }) => {
    const deadLetters = new Map<number, number[]>()
    for (const { index, outcomes } of commits)
      for (const { topic, offset } of outcomes)
        if (topic === name) deadLetters.set(offset, [...(deadLetters.get(offset) ?? []), index])
    const undecodable = (tables.get(name) as TableHistory).undecodable
    const violations = undecodable.flatMap(({ offset, compactedAt }) => {
      const passedBy = commits.find(({ position }) => (position.inputs[name]?.next ?? 0) > offset)?.index
      const found = deadLetters.get(offset) ?? []
      deadLetters.delete(offset)
      const wasTaken = compactedAt !== undefined && found.length === 0
      if (wasTaken || String(found) === String(passedBy === undefined ? [] : [passedBy])) return []
      const text = `${name}@${offset} is undecodable: passed by commit ${passedBy}, dead-lettered by ${found}`
      return [{ law: 'I16 no silent skip', text, partition }]
    })
    if (deadLetters.size > 0)
      violations.push({ law: 'I16 no silent skip', text: `valid rows of ${name} were dead-lettered`, partition })
    return violations
  })
}
