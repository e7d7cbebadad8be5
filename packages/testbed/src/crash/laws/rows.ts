import type { CommittedRecord } from '../committed.js'
import type { History, Outcome, Step } from '../history.js'
import { ACTIVATION_WAIT_MS, ORDER_WAIT_MS } from '../service.js'
import { versionOf } from './expected.js'
import type { Violation } from './violation.js'

/** Clocks of broker and workers are one; what lies between taking the time and appending is not. */
const TOLERANCE_MS = 20

interface RowChange {
  readonly offset: number
  readonly appendedAt: number
  /** `null`: the row was deleted. */
  readonly version: number | null
}

/** The changes of a table's rows, by partition and key, in their order. */
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

/** The rows that a key had at any moment of a step: the last one before it, and those that it processed. */
function rowsDuring(changes: readonly RowChange[], table: string, before: Step | undefined, step: Step): RowChange[] {
  const from = before?.position.inputs[table]?.next ?? 0
  const to = step.position.inputs[table]?.next ?? 0
  const during = changes.filter(({ offset }) => offset >= from && offset < to)
  const first = changes.findLast(({ offset }) => offset < from)
  return [first ?? { offset: -1, appendedAt: 0, version: null }, ...during]
}

/**
 * I4: the row that an event met was that of its key while its commit was made, neither invented nor stale, and a key's
 * results never go back to an older row. Law 9: no event gives up beside a row that was written before its deadline and
 * is still there.
 */
export function rows(history: History): Violation[] {
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
        ...met(outcome, history, changes.get(id) ?? [], table),
        ...goesOn(outcome, id, newest),
        ...gaveUp(outcome, history, changes.get(id) ?? [], waitMs),
      ]
    })
  })
}

function met({ origin, version, step }: Outcome, { steps }: History, changes: RowChange[], table: string): Violation[] {
  if (version === undefined || step === undefined) return []
  const all = steps[origin.partition] ?? []
  const there = rowsDuring(changes, table, all[step - 1], all[step] as Step).map((row) => row.version)
  if (there.includes(version)) return []
  const text = `it met row ${version ?? 'none'}, where there was ${there.map((each) => each ?? 'none').join(', ')}`
  return [{ law: 'I4 no invention', text, of: origin }]
}

function goesOn({ origin, version }: Outcome, id: string, newest: Map<string, number>): Violation[] {
  if (version == null) return []
  const before = newest.get(id) ?? 0
  newest.set(id, Math.max(before, version))
  return version < before
    ? [{ law: 'I4 rows never go back', text: `it met row ${version} after ${before}`, of: origin }]
    : []
}

function gaveUp(
  { origin, version, reason, step }: Outcome,
  { steps }: History,
  changes: RowChange[],
  waitMs: number,
): Violation[] {
  if ((reason !== 'no-row' && version !== null) || step === undefined) return []
  const law = 'law 9 no early expiry'
  const all = steps[origin.partition] ?? []
  const kept = all[step - 1]?.waiting.get(`${origin.topic}/${origin.offset}`)
  if (kept === undefined) return [] // it arrived and gave up in one step: only the older protocol or cleaning hides more
  const deadline = kept.arrival + waitMs
  const { position } = all[step] as Step
  if (position.at < deadline - TOLERANCE_MS)
    return [{ law, text: `it gave up at ${position.at}, before its deadline ${deadline}`, of: origin }]
  const inTime = changes.findLast(({ appendedAt }) => appendedAt < deadline - TOLERANCE_MS)
  if (inTime === undefined || inTime.version === null) return []
  const isGone = changes.some(
    ({ offset, appendedAt, version: row }) =>
      offset > inTime.offset && row === null && appendedAt < position.at + TOLERANCE_MS,
  )
  if (!isGone) return [{ law, text: `it gave up beside row ${inTime.version}, written in time`, of: origin }]
  return []
}
