import { type ConsumerRecord, deadLetterInfo, inDoubtInfo } from '@joinery/core'
import type { Activated, Activation, Notification } from '../../topics.js'
import type { ReceivedCall } from '../rest-service/rest-service.js'
import { externalIdOf } from '../traffic/traffic-plan.js'
import type { Counted } from './accounting.js'
import type { Ledger } from './ledger.js'

/** The contents of the topics and of the REST service's log at the end. */
export interface Evidence {
  readonly notifications: readonly ConsumerRecord<string, Notification>[]
  readonly deadLetters: readonly ConsumerRecord<string, Activation>[]
  /** Results of calls, as service B wrote them. */
  readonly activated: readonly ConsumerRecord<string, Activated>[]
  /** The calls that service B reported as in doubt. */
  readonly inDoubt: readonly ConsumerRecord<string, Notification>[]
  readonly calls: readonly ReceivedCall[]
}

/** Counts the evidence. A dropped activation would leave none: this pipeline has no reason to drop one, so it counts as waiting. */
export function countEvidence(ledger: Ledger, evidence: Evidence): Counted {
  const { notifications, deadLetters, activated, calls } = evidence
  const records = [...notifications, ...deadLetters]
  const ended = new Set(records.flatMap(({ value }) => value?.activationId ?? []))
  let waiting = 0
  for (const activationId of ledger.activations.keys()) if (!ended.has(activationId)) waiting++
  const callsOf = new Map<string, number>()
  for (const { activationId } of calls) callsOf.set(activationId, (callsOf.get(activationId) ?? 0) + 1)
  let maxCallsPerActivation = 0
  for (const times of callsOf.values()) maxCallsPerActivation = Math.max(maxCallsPerActivation, times)
  const results = new Set(activated.flatMap(({ value }) => value?.activationId ?? []))
  const inDoubt = evidence.inDoubt.filter(({ headers }) => inDoubtInfo(headers) !== undefined)
  return {
    accounting: {
      in: ledger.activations.size,
      emitted: notifications.length,
      dropped: 0,
      deadLettered: deadLetters.length,
      waiting,
    },
    calls: calls.length,
    results: activated.length,
    inDoubt: inDoubt.length,
    resolved: inDoubt.filter(({ value }) => results.has(value?.activationId ?? '')).length,
    maxCallsPerActivation,
  }
}

/** @returns the errors of individual records, as text: the figures may agree in spite of them */
export function wrongRecords(ledger: Ledger, evidence: Evidence, atMostMs: number): string[] {
  const wrong: string[] = []
  for (const { key, value } of evidence.notifications) {
    const sent = ledger.activations.get(value?.activationId ?? '')
    if (sent === undefined || value === null) wrong.push(`a notification of ${key} belongs to no activation`)
    else if (sent.productId !== key || value.productId !== key || value.externalId !== externalIdOf(key))
      wrong.push(`the notification of ${value.activationId} contains ${JSON.stringify(value)}`)
  }
  for (const { key, value, headers } of evidence.deadLetters) {
    const sent = ledger.activations.get(value?.activationId ?? '')
    const info = deadLetterInfo(headers)
    if (sent === undefined || info === undefined) {
      wrong.push(`a dead letter of ${key} belongs to no activation`)
      continue
    }
    if (info.reason !== 'no-row' || info.ageMs < atMostMs)
      wrong.push(`${value?.activationId} was dead-lettered after ${info.ageMs} ms: ${info.reason}`)
    // the wait began when service A read it, which was not before it was sent
    const informedAt = ledger.informed.get(sent.productId)
    if (informedAt !== undefined && informedAt < sent.sentAtMs + atMostMs)
      wrong.push(`${value?.activationId} was dead-lettered although its information had arrived in time`)
  }
  const statuses = new Map(evidence.calls.map(({ activationId, status }) => [activationId, status]))
  const seen = new Set<string>()
  for (const { key, value } of evidence.activated) {
    const { activationId = '', status } = value ?? {}
    if (seen.has(activationId)) wrong.push(`${activationId} has a second result`)
    seen.add(activationId)
    if (!statuses.has(activationId)) wrong.push(`a result of ${key} belongs to no call: ${JSON.stringify(value)}`)
    else if (statuses.get(activationId) !== status)
      wrong.push(
        `the result of ${activationId} is ${status}, the REST service responded with ${statuses.get(activationId)}`,
      )
  }
  return wrong
}
