import type { History } from '../history.js'
import { versionOf } from './expected-outcomes.js'
import type { Violation } from './violation.js'

/** I6 for rows in the changelog: each commit writes exactly the table records before its position. */
export function keptRows({ service, records, steps }: History): Violation[] {
  const law = 'I6 position and rows agree'
  const topic = service.customers.name
  const violations: Violation[] = []
  for (const [task, all] of steps.entries()) {
    const mine = (records.get(topic) ?? []).filter(({ partition }) => partition === task)
    let at = 0
    for (const { position, rows, offset } of all) {
      const expected = new Map<string, string | null>()
      const next = position.inputs[topic]?.next ?? 0
      for (let record = mine[at]; record !== undefined && record.offset < next; record = mine[++at]) {
        if (versionOf(record) !== undefined)
          expected.set(`${topic}/${record.key}`, record.value === null ? null : record.value.toString())
      }
      const isSame = rows.size === expected.size && [...expected].every(([key, value]) => rows.get(key) === value)
      if (!isSame)
        violations.push({
          law,
          text: `the commit at ${offset} of task ${task} wrote rows ${[...rows.keys()]}, but consumed ${[...expected.keys()]}`,
        })
    }
  }
  return violations
}

/** The rows of the instances at the end are those of the topics: none is missing, and none is left that was deleted. */
export function tables(
  { service, records }: History,
  found: readonly Readonly<Record<string, Readonly<Record<string, number>>>>[],
): Violation[] {
  return [service.information.name, service.customers.name].flatMap((topic) => {
    const expected = new Map<string, number>()
    for (const record of records.get(topic) ?? []) {
      const version = versionOf(record)
      if (version === null) expected.delete(String(record.key))
      else if (version !== undefined) expected.set(String(record.key), version)
    }
    const has = new Map(found.flatMap((tables) => Object.entries(tables[topic] ?? {})))
    const keys = new Set([...expected.keys(), ...has.keys()])
    return [...keys]
      .filter((key) => expected.get(key) !== has.get(key))
      .map((key) => ({
        law: 'tables match their topics',
        text: `${topic} has ${has.get(key) ?? 'no row'} for ${key}, expected ${expected.get(key) ?? 'none'}`,
      }))
  })
}
