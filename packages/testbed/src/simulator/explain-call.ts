import { reportsTopic } from '@joinery/core/log'
import { type CallRecord, changelogEntry } from '../changelog-records.js'
import type { Entry } from './brokers/sim-partition.js'
import { headerOf, textOf } from './checker/log-history.js'
import { ANSWERS, DOUBTS, REQUESTS } from './scenario/call-values.js'
import { APPLICATION } from './scenario/scenario.js'
import type { SimHistory } from './simulate.js'

interface Line {
  readonly at: number
  readonly text: string
}

const CHANGELOG = `${APPLICATION}-changelog`
const REPORTS = reportsTopic(APPLICATION)

/** Everything that was written and sent about one call, in the order of time: records, states, reports, requests, results. */
export function callInWords({ cluster, service }: SimHistory, id: string, partition: number | undefined): string[] {
  const lines: Line[] = []
  const records = new Set<number>()
  for (const { topic, partition: number, entries } of cluster.partitions) {
    for (const entry of entries) {
      if (
        entry.record === undefined ||
        (partition !== undefined && number !== partition && topic !== ANSWERS && topic !== DOUBTS)
      )
        continue
      const what = entryInWords(topic, entry, id, records)
      if (what === undefined) continue
      const seen = entry.visibleAt === undefined ? 'never readable' : `readable at ${entry.visibleAt.toFixed(1)}`
      lines.push({ at: entry.at, text: `(${seen}) ${topic}[${number}]@${entry.offset}: ${what}` })
    }
  }
  for (const { begunAt, sentAt, receivedAt, settledAt, ended, process, attempt, status } of service?.ledger.of(id) ??
    []) {
    const who = `${process}, attempt ${attempt}`
    lines.push({ at: begunAt, text: `call begins (${who})` })
    if (sentAt !== undefined) lines.push({ at: sentAt, text: `REQUEST LEAVES (${who})` })
    if (receivedAt !== undefined)
      lines.push({ at: receivedAt, text: `the service reads it, and says ${status} (${who})` })
    if (settledAt !== undefined) lines.push({ at: settledAt, text: `call ends: ${ended} (${who})` })
  }
  const sorted = lines.sort((a, b) => a.at - b.at).map(({ at, text }) => `  ${at.toFixed(1)} ${text}`)
  return [`call ${id}:`, ...sorted]
}

/** What an entry says of the call. Its records are known once the changelog has named them, or by their ids. */
function entryInWords(topic: string, { record, offset }: Entry, id: string, records: Set<number>): string | undefined {
  if (record === undefined) return undefined
  if (topic === CHANGELOG) {
    const entry = changelogEntry(record.key as Uint8Array, record.value)
    if (entry.kind === 'owner') return 'OWNER'
    if (entry.kind === 'position') return undefined
    if (entry.kind !== 'call' || entry.id !== id) return undefined
    if (entry.call !== null) records.add(entry.call.offset)
    return entry.call === null ? 'CALL forgotten' : stateInWords(entry.call)
  }
  const value = textOf(record.value)
  if (topic === REPORTS) return value.includes(JSON.stringify(id)) ? value : undefined
  if (topic === REQUESTS) {
    const isNamed =
      value.includes(JSON.stringify(id)) ||
      headerOf(record, 'joinery-origin') === id ||
      `${REQUESTS}/${record.partition}/${offset}` === id
    return isNamed ? `${value} of key ${textOf(record.key)}` : undefined
  }
  if (topic === DOUBTS)
    return headerOf(record, 'joinery-call-id') === id
      ? `in doubt, ${headerOf(record, 'joinery-call-token')}`
      : undefined
  const origin = Number((headerOf(record, 'joinery-origin') ?? '').split('/')[3])
  return topic === ANSWERS && records.has(origin) ? `result ${value.slice(0, 60)}` : undefined
}

function stateInWords({ state, offset, attempts, claim, finished, why, token, decided }: CallRecord): string {
  const held = claim && `${claim.token} of ${claim.claimant.host}`
  const doubt = state === 'in-doubt' ? `${finished ? 'finished' : 'not finished'}: ${why}` : undefined
  const by = decided && 'decided'
  return [`CALL ${state} @${offset} attempt ${attempts}`, held, doubt, token, by]
    .filter((part) => part !== undefined)
    .join(', ')
}
