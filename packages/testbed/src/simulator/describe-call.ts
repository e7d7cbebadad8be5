import { reportsTopic } from '@joinery/core/log'
import { type CallRecord, changelogEntry } from '../changelog-records.js'
import type { Entry } from './brokers/sim-partition.js'
import { headerOf, textOf } from './checker/log-history.js'
import { IN_DOUBT, REPLIES, REQUESTS } from './scenario/call-values.js'
import { APPLICATION } from './scenario/scenario.js'
import type { SimHistory } from './simulate.js'

interface Line {
  readonly at: number
  readonly text: string
}

const CHANGELOG = `${APPLICATION}-changelog`
const REPORTS = reportsTopic(APPLICATION)

/** @returns everything that was written and sent about one call, in order of time: records, states, reports, requests, results */
export function describeCall({ cluster, service }: SimHistory, id: string, partition: number | undefined): string[] {
  const lines: Line[] = []
  const records = new Set<number>()
  for (const { topic, partition: number, entries } of cluster.partitions) {
    for (const entry of entries) {
      if (
        entry.record === undefined ||
        (partition !== undefined && number !== partition && topic !== REPLIES && topic !== IN_DOUBT)
      )
        continue
      const what = describeEntry(topic, entry, id, records)
      if (what === undefined) continue
      const seen = entry.visibleAt === undefined ? 'never readable' : `readable at ${entry.visibleAt.toFixed(1)}`
      lines.push({ at: entry.at, text: `(${seen}) ${topic}[${number}]@${entry.offset}: ${what}` })
    }
  }
  for (const { begunAt, sentAt, receivedAt, settledAt, ended, process, attempt, status } of service?.ledger.of(id) ??
    []) {
    const caller = `${process}, attempt ${attempt}`
    lines.push({ at: begunAt, text: `call starts (${caller})` })
    if (sentAt !== undefined) lines.push({ at: sentAt, text: `REQUEST LEAVES (${caller})` })
    if (receivedAt !== undefined)
      lines.push({ at: receivedAt, text: `the service receives it and replies ${status} (${caller})` })
    if (settledAt !== undefined) lines.push({ at: settledAt, text: `call ends: ${ended} (${caller})` })
  }
  const sorted = lines.sort((a, b) => a.at - b.at).map(({ at, text }) => `  ${at.toFixed(1)} ${text}`)
  return [`call ${id}:`, ...sorted]
}

/** @param records collects the offsets of the call's records, which the changelog names */
function describeEntry(topic: string, { record, offset }: Entry, id: string, records: Set<number>): string | undefined {
  if (record === undefined) return undefined
  if (topic === CHANGELOG) {
    const entry = changelogEntry(record.key as Uint8Array, record.value)
    if (entry.type === 'owner') return 'OWNER'
    if (entry.type === 'position') return undefined
    if (entry.type !== 'call' || entry.id !== id) return undefined
    if (entry.call !== null) records.add(entry.call.offset)
    return entry.call === null ? 'CALL deleted' : describeState(entry.call)
  }
  const value = textOf(record.value)
  if (topic === REPORTS) return value.includes(JSON.stringify(id)) ? value : undefined
  if (topic === REQUESTS) {
    const isNamed =
      value.includes(JSON.stringify(id)) ||
      headerOf(record, 'joinery-origin') === id ||
      `${REQUESTS}/${record.partition}/${offset}` === id
    return isNamed ? `${value} with key ${textOf(record.key)}` : undefined
  }
  if (topic === IN_DOUBT)
    return headerOf(record, 'joinery-call-id') === id
      ? `in doubt, ${headerOf(record, 'joinery-call-token')}`
      : undefined
  const origin = Number((headerOf(record, 'joinery-origin') ?? '').split('/')[3])
  return topic === REPLIES && records.has(origin) ? `result ${value.slice(0, 60)}` : undefined
}

function describeState({ state, offset, attempts, claim, claimantFinished, why, token, decision }: CallRecord): string {
  const claimed = claim && `${claim.token} of ${claim.claimant.host}`
  const reason = state === 'in-doubt' ? `${claimantFinished ? 'finished' : 'not finished'}: ${why}` : undefined
  const decided = decision && 'decided'
  return [`CALL ${state} @${offset} attempt ${attempts}`, claimed, reason, token, decided]
    .filter((part) => part !== undefined)
    .join(', ')
}
