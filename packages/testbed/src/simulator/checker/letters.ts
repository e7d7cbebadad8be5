import { EPOCH } from '../brokers/broker-time.js'
import type { Scenario, SimPipeline } from '../scenario/scenario.js'
import type { SimEvent } from '../scenario/values.js'
import type { Life } from './lives.js'
import { headerOf, type Outcome, type TaskHistory, textOf } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

const HOUR_MS = 3_600_000
const OURS = ['joinery-origin', 'joinery-reason', 'joinery-age-ms', 'joinery-table', 'joinery-error']

/** I15, and the same for results: key, timestamp and headers are the event's; a dead letter's value, too. */
export function keepsTheEvent({ stream }: SimPipeline, partition: number, lives: readonly Life[]): Violation[] {
  return lives.flatMap(({ entry, outcomes }) =>
    outcomes.flatMap(({ outcome }) => {
      const problem = changeOf(entry, outcome)
      const event = { stream, offset: entry.offset }
      return problem ? [{ law: 'I15 fidelity', text: `${problem} is not the event's`, partition, event }] : []
    }),
  )
}

function changeOf(
  { record: event, at: readAt }: Life['entry'],
  { entry: { record, at }, result, reason, partition }: Outcome,
): string | undefined {
  if (partition !== event.partition) return 'its partition'
  if (textOf(record.key) !== textOf(event.key) || (record.key === null) !== (event.key === null)) return 'its key'
  const own = ({ headers }: { readonly headers: typeof event.headers }) =>
    headers.filter(([name]) => !OURS.includes(name)).map(([name, value]) => `${name}=${textOf(value)}`)
  if (String(own(record)) !== String(own(event))) return 'a header'
  const isTooFarAhead = event.timestamp > EPOCH + readAt + HOUR_MS
  if (record.timestamp !== event.timestamp && (!isTooFarAhead || record.timestamp > EPOCH + at + HOUR_MS))
    return 'its time'
  if (result !== undefined) {
    const { number, pad } = JSON.parse(textOf(event.value)) as SimEvent
    return number === result.number && pad === result.pad ? undefined : 'its value'
  }
  const isSameValue = textOf(record.value) === textOf(event.value) && (record.value === null) === (event.value === null)
  if (!isSameValue) return 'its value'
  const age = Number(headerOf(record, 'joinery-age-ms'))
  if (!(age >= 0)) return `its age of ${age} ms`
  return reason === undefined ? 'its reason' : undefined
}

/** I16: records of tables that are no rows are dead-lettered once, with the commit that passes them. */
export function tableLetters(
  { tables: described }: Scenario,
  { partition, commits }: TaskHistory,
  tables: ReadonlyMap<string, TableHistory>,
): Violation[] {
  return described.flatMap(({ name }) => {
    const letters = new Map<number, number[]>()
    for (const { index, outcomes } of commits)
      for (const { topic, offset } of outcomes)
        if (topic === name) letters.set(offset, [...(letters.get(offset) ?? []), index])
    const bad = (tables.get(name) as TableHistory).undecodable
    const violations = bad.flatMap(({ offset, cleanedAt }) => {
      const passed = commits.find(({ position }) => (position.inputs[name]?.next ?? 0) > offset)?.index
      const found = letters.get(offset) ?? []
      letters.delete(offset)
      const wasTaken = cleanedAt !== undefined && found.length === 0
      if (wasTaken || String(found) === String(passed === undefined ? [] : [passed])) return []
      const text = `${name}@${offset} is no row: passed with commit ${passed}, dead-lettered with ${found}`
      return [{ law: 'I16 no silent skip', text, partition }]
    })
    if (letters.size > 0)
      violations.push({ law: 'I16 no silent skip', text: `rows of ${name} were dead-lettered`, partition })
    return violations
  })
}
