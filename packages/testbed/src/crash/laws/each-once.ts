import type { CommittedRecord } from '../committed.js'
import { type History, inputsOf, type Outcome } from '../history.js'
import { type ExpectedOutcome, expectedOutcomes } from './expected-outcomes.js'
import type { Violation } from './violation.js'

export const idOf = ({
  topic,
  partition,
  offset,
}: {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}): string => `${topic}/${partition}/${offset}`

/** Groups outcomes by the input record that they belong to. */
function outcomesByOrigin(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const by = new Map<string, Outcome[]>()
  for (const outcome of outcomes) {
    const id = idOf(outcome.origin)
    by.set(id, [...(by.get(id) ?? []), outcome])
  }
  return by
}

/** I1 to I3: every consumed record has exactly one outcome, which is an expected one; other records have none. */
export function eachOnce(history: History): Violation[] {
  const { service, records, outcomes, steps } = history
  const violations: Violation[] = []
  const by = outcomesByOrigin(outcomes)
  const known = new Set<string>()
  for (const topic of inputsOf(service)) {
    for (const record of records.get(topic) ?? []) {
      known.add(idOf(record))
      const found = by.get(idOf(record)) ?? []
      const last = steps[record.partition]?.at(-1)
      const isConsumed = record.offset < (last?.position.inputs[topic]?.next ?? 0)
      const isWaiting = last?.waiting.has(`${topic}/${record.offset}`) ?? false
      violations.push(...problemsOf(record, expectedOutcomes(service, record), found, isConsumed, isWaiting))
    }
  }
  for (const { origin } of outcomes) {
    if (!known.has(idOf(origin)))
      violations.push({
        law: 'I4 only existing records',
        text: 'has an outcome but does not exist',
        record: origin,
      })
  }
  return violations
}

function problemsOf(
  record: CommittedRecord,
  expected: readonly ExpectedOutcome[],
  found: readonly Outcome[],
  isConsumed: boolean,
  isWaiting: boolean,
): Violation[] {
  const of = record
  if (found.length > 1) return [{ law: 'I3 no duplicate', text: `has ${found.length} outcomes`, record: of }]
  if (!isConsumed)
    return found.length === 0
      ? []
      : [{ law: 'I1 conservation', text: 'has an outcome before its POSITION', record: of }]
  if (isWaiting && found.length > 0)
    return [{ law: 'I1 conservation', text: 'has an outcome and is still waiting', record: of }]
  if (isWaiting) return []
  const [outcome] = found
  if (outcome === undefined)
    return expected.includes('dropped') || expected.includes('nothing')
      ? []
      : [{ law: 'I2 nothing lost', text: 'was consumed but has no outcome', record: of }]
  const actual = outcome.reason ?? 'emitted'
  return expected.includes(actual as ExpectedOutcome)
    ? []
    : [
        {
          law: 'I1 conservation',
          text: `its outcome is ${actual}, expected ${expected.join(' or ')}`,
          record: of,
        },
      ]
}
