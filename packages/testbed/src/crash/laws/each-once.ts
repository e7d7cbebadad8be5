import type { CommittedRecord } from '../committed.js'
import { type History, inputsOf, type Outcome } from '../history.js'
import { type Fate, fatesOf } from './expected.js'
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

/** By the input record that they are of. */
export function outcomesByOrigin(outcomes: readonly Outcome[]): Map<string, Outcome[]> {
  const by = new Map<string, Outcome[]>()
  for (const outcome of outcomes) {
    const id = idOf(outcome.origin)
    by.set(id, [...(by.get(id) ?? []), outcome])
  }
  return by
}

/** I1 to I3: every record that was consumed has exactly one outcome, and one that it may have; none has one too early. */
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
      violations.push(...judge(record, fatesOf(service, record), found, isConsumed, isWaiting))
    }
  }
  for (const { origin } of outcomes) {
    if (!known.has(idOf(origin)))
      violations.push({ law: 'I4 no invention', text: 'there is an outcome of a record that is not there', of: origin })
  }
  return violations
}

function judge(
  record: CommittedRecord,
  fates: readonly Fate[],
  found: readonly Outcome[],
  isConsumed: boolean,
  isWaiting: boolean,
): Violation[] {
  const of = record
  if (found.length > 1) return [{ law: 'I3 no duplicate', text: `there are ${found.length} outcomes`, of }]
  if (!isConsumed)
    return found.length === 0 ? [] : [{ law: 'I1 conservation', text: 'an outcome came before POSITION', of }]
  if (isWaiting && found.length > 0) return [{ law: 'I1 conservation', text: 'it has an outcome, and waits still', of }]
  if (isWaiting) return []
  const [outcome] = found
  if (outcome === undefined)
    return fates.includes('dropped') || fates.includes('nothing')
      ? []
      : [{ law: 'I2 nothing lost', text: 'it was consumed, and has no outcome', of }]
  const fate = outcome.reason ?? 'emitted'
  return fates.includes(fate as Fate)
    ? []
    : [{ law: 'I1 conservation', text: `its outcome is ${fate}, and may only be ${fates.join(' or ')}`, of }]
}
