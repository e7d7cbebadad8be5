import type { CommittedRecord } from '../committed.js'
import type { History, Outcome, Step } from '../history.js'
import { ACTIVATION_WAIT_MS, ORDER_WAIT_MS } from '../service.js'
import { versionOf } from './expected-outcomes.js'
import type { Violation } from './violation.js'

/** Broker and workers share one clock, but some time passes between reading it and appending. */
const TOLERANCE_MS = 20

interface RowChange {
  readonly offset: number
  readonly appendedAt: number
  /** `null`: the row was deleted. */
  readonly version: number | null
}

/** The changes of a table's rows in order, by partition and key. */
function changesOf(records: readonly CommittedRecord[]): Map<string, RowChange[]> {
  const all = new Map<string, RowChange[]>()
  for (const record of records) {
    const version = versionOf(record)
    if (version === undefined) continue
    const id = `${record.partition}/${record.key}`
    all.set(id, [...(all.get(id) ?? []), { offset: record.offset, appendedAt: record.timestamp, version }])
  }
  return all
}

/** The rows that a key had at any moment of a step: the last one before the step, and those that the step processed. */
function rowsDuring(changes: readonly RowChange[], table: string, before: Step | undefined, step: Step): RowChange[] {
  const from = before?.position.inputs[table]?.next ?? 0
  const to = step.position.inputs[table]?.next ?? 0
  const during = changes.filter(({ offset }) => offset >= from && offset < to)
  const first = changes.findLast(({ offset }) => offset < from)
  return [first ?? { offset: -1, appendedAt: 0, version: null }, ...during]
}

/**
 * I4: the row that an event was joined with was that of its key while its commit was made, and the results of a key never go back to
 * an older row. Law 9: no event expires if a row was written before its deadline and still exists.
 */
export function joinedRows(history: History): Violation[] {
  const { service, records, outcomes } = history
  const joins = [
    { stream: service.activations.name, table: service.information.name, waitMs: ACTIVATION_WAIT_MS },
    { stream: service.orders.name, table: service.customers.name, waitMs: ORDER_WAIT_MS },
  ]
  return joins.flatMap(({ stream, table, waitMs }) => {
    const changes = changesOf(records.get(table) ?? [])
    const events = new Map(
      (records.get(stream) ?? []).map((record) => [`${record.partition}/${record.offset}`, record]),
    )
    const newest = new Map<string, number>()
    return outcomes.flatMap((outcome) => {
      const { partition, offset, topic } = outcome.origin
      const event = topic === stream ? events.get(`${partition}/${offset}`) : undefined
      if (event === undefined || event.key === null) return []
      const id = `${partition}/${event.key}`
      return [
        ...joinedExistingRow(outcome, history, changes.get(id) ?? [], table),
        ...rowsNeverGoBack(outcome, id, newest),
        ...expiredTooEarly(outcome, history, changes.get(id) ?? [], waitMs),
      ]
    })
  })
}

function joinedExistingRow(
  { origin, version, step }: Outcome,
  { steps }: History,
  changes: RowChange[],
  table: string,
): Violation[] {
  if (version === undefined || step === undefined) return []
  const all = steps[origin.partition] ?? []
  const there = rowsDuring(changes, table, all[step - 1], all[step] as Step).map((row) => row.version)
  if (there.includes(version)) return []
  const text = `joined row ${version ?? 'none'}, expected ${there.map((each) => each ?? 'none').join(' or ')}`
  return [{ law: 'I4 only existing rows', text, record: origin }]
}

function rowsNeverGoBack({ origin, version }: Outcome, id: string, newest: Map<string, number>): Violation[] {
  if (version == null) return []
  const before = newest.get(id) ?? 0
  newest.set(id, Math.max(before, version))
  return version < before
    ? [{ law: 'I4 rows never go back', text: `joined row ${version} after ${before}`, record: origin }]
    : []
}

function expiredTooEarly(
  { origin, version, reason, step }: Outcome,
  { steps }: History,
  changes: RowChange[],
  waitMs: number,
): Violation[] {
  if ((reason !== 'no-row' && version !== null) || step === undefined) return []
  const law = 'law 9 no early expiry'
  const all = steps[origin.partition] ?? []
  const waited = all[step - 1]?.waiting.get(`${origin.topic}/${origin.offset}`)
  if (waited === undefined) return [] // it arrived and expired in one step, which the older protocol or compaction can merge
  const deadline = waited.arrival + waitMs
  const { position } = all[step] as Step
  if (position.writtenAt < deadline - TOLERANCE_MS)
    return [{ law, text: `expired at ${position.writtenAt}, before its deadline ${deadline}`, record: origin }]
  const inTime = changes.findLast(({ appendedAt }) => appendedAt < deadline - TOLERANCE_MS)
  if (inTime === undefined || inTime.version === null) return []
  const isGone = changes.some(
    ({ offset, appendedAt, version: row }) =>
      offset > inTime.offset && row === null && appendedAt < position.writtenAt + TOLERANCE_MS,
  )
  if (!isGone) return [{ law, text: `expired although row ${inTime.version} was written in time`, record: origin }]
  return []
}
