import { changelogEntry } from '../changelog-records.js'
import type { CommittedRecord } from './committed.js'
import type { History } from './history.js'
import { idOf } from './laws/each-once.js'
import type { Violation } from './laws/violation.js'

/** Something that the harness did or observed. */
export interface TimelineEntry {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly what: string
}

/** @returns everything that is known about the record of a violation, in order of time */
export function describeViolation(
  history: History,
  { law, text, record: of }: Violation,
  timeline: readonly TimelineEntry[],
): string {
  const title = `${law}: ${of === undefined ? '' : `${idOf(of)} `}${text}`
  if (of === undefined) return [title, ...timeline.map(line)].join('\n')
  const { service, records, outcomes } = history
  const found: TimelineEntry[] = []
  const add = (record: CommittedRecord, what: string) => {
    const { topic, partition, offset, timestamp, transaction } = record
    found.push({ at: timestamp, what: `${what} ${topic}[${partition}]@${offset} ${transaction ?? ''} ${show(record)}` })
  }
  const original = (records.get(of.topic) ?? []).find((record) => idOf(record) === idOf(of))
  if (original !== undefined) add(original, 'input')
  const key = original?.key
  const tables = [service.information.name, service.customers.name]
  for (const topic of tables)
    for (const row of records.get(topic) ?? [])
      if (key != null && row.partition === of.partition && row.key?.equals(key)) add(row, 'row')
  for (const { record, origin } of outcomes) if (idOf(origin) === idOf(of)) add(record, 'outcome')
  for (const record of records.get(`${service.application}-changelog`) ?? []) {
    if (record.partition !== of.partition || record.key === null) continue
    const entry = changelogEntry(record.key, record.value)
    if (entry.type === 'owner') add(record, 'OWNER')
    if (entry.type === 'waiter' && entry.pipeline === of.topic && entry.offset === of.offset)
      add(record, entry.waiter === null ? 'stops waiting' : `waiting since ${entry.waiter.arrival}`)
  }
  for (const { position, offset } of history.steps[of.partition] ?? []) {
    const nexts = Object.entries(position.inputs).map(([topic, { next }]) => `${topic} ${next}`)
    found.push({ at: position.writtenAt, what: `POSITION at ${offset} of the changelog: ${nexts.join(', ')}` })
  }
  const from = Math.min(...found.filter(({ what }) => !what.startsWith('POSITION')).map(({ at }) => at)) - AROUND_MS
  const to =
    Math.max(...found.filter(({ what }) => !/^(POSITION|OWNER|row)/.test(what)).map(({ at }) => at)) + AROUND_MS
  const all = [...found, ...timeline].filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at)
  return [title, ...all.map(line)].join('\n')
}

const AROUND_MS = 2_000
const LONGEST = 200

const line = ({ at, what }: TimelineEntry): string => `  ${new Date(at).toISOString()} ${what}`

const show = ({ key, value, headers }: CommittedRecord): string => {
  const text = `${key?.toString()} = ${value?.toString()} ${headers.map(([name, of]) => `${name}:${of}`).join(' ')}`
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text
}
