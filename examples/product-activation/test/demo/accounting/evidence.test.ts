import type { ConsumerRecord, Headers } from '@joinery/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { countEvidence, type Evidence, wrongRecords } from '../../../src/demo/accounting/evidence.js'
import { Ledger } from '../../../src/demo/accounting/ledger.js'
import { waitingTimes } from '../../../src/demo/accounting/waiting-times.js'

const origin = { topic: 't', partition: 0, offset: 0 }
const record = <V>(key: string, value: V, headers: Headers = []): ConsumerRecord<string, V> => ({
  key,
  value,
  timestamp: 0,
  headers,
  origin,
})
const notification = (productId: string, number: number, externalId = productId.replace('product', 'external')) =>
  record(productId, { activationId: `${productId}/${number}`, productId, externalId })
const deadLetter = (productId: string, number: number, ageMs = 2_000, reason = 'no-row') =>
  record(productId, { activationId: `${productId}/${number}`, productId }, [
    ['joinery-reason', Buffer.from(reason)],
    ['joinery-origin', Buffer.from('a/t/0/0')],
    ['joinery-age-ms', Buffer.from(String(ageMs))],
  ])
const call = (activationId: string, status = 204) => ({ callId: activationId, activationId, externalId: 'x', status })
const result = (activationId: string, status = 204) =>
  record(activationId.replace(/\/.*/, ''), { activationId, status })
const callInDoubt = (productId: string, number: number) =>
  record(productId, { activationId: `${productId}/${number}`, productId, externalId: 'x' }, [
    ['joinery-call-id', Buffer.from('a/t/0/0')],
    ['joinery-call-token', Buffer.from('t')],
    ['joinery-call-claimant', Buffer.from('{}')],
  ])

describe('counting', () => {
  let ledger: Ledger
  const activate = (productId: string, number: number, atMs: number) =>
    ledger.sending({ atMs, type: 'activation', productId, activationId: `${productId}/${number}` }, atMs)
  const inform = (productId: string, atMs: number, acknowledgedAtMs: number) => {
    const sending = { atMs, type: 'information', productId, externalId: 'x' } as const
    ledger.sending(sending, atMs)
    ledger.acknowledged(sending, acknowledgedAtMs)
  }
  beforeEach(() => {
    ledger = new Ledger()
    inform('product-1', 0, 5)
    activate('product-1', 1, 10)
    activate('product-2', 1, 20)
    inform('product-2', 100, 110)
    activate('product-2', 2, 120)
    activate('product-3', 1, 30)
  })
  const evidence: Evidence = {
    notifications: [notification('product-1', 1), notification('product-2', 1)],
    deadLetters: [deadLetter('product-3', 1)],
    calls: [call('product-1/1'), call('product-2/1')],
    activated: [result('product-1/1')],
    inDoubt: [callInDoubt('product-1', 1), callInDoubt('product-2', 1)],
  }

  it('counts records and calls, and activations without a record as waiting', () => {
    expect(countEvidence(ledger, evidence)).toEqual({
      accounting: { in: 4, emitted: 2, dropped: 0, deadLettered: 1, waiting: 1 },
      calls: 2,
      results: 1,
      inDoubt: 2,
      resolved: 1,
      maxCallsPerActivation: 1,
    })
    expect(wrongRecords(ledger, evidence, 2_000)).toEqual([])
  })

  it('counts a second notification and a second call', () => {
    const twice = {
      ...evidence,
      notifications: [...evidence.notifications, notification('product-1', 1)],
      calls: [...evidence.calls, call('product-1/1')],
    }
    expect(countEvidence(ledger, twice)).toEqual({
      accounting: { in: 4, emitted: 3, dropped: 0, deadLettered: 1, waiting: 1 },
      calls: 3,
      results: 1,
      inDoubt: 2,
      resolved: 1,
      maxCallsPerActivation: 2,
    })
  })

  it.each<[string, Partial<Evidence>, string]>([
    ['a notification of nothing that was sent', { notifications: [notification('product-9', 1)] }, 'no activation'],
    ['a wrong row', { notifications: [notification('product-1', 1, 'external-2')] }, 'external-2'],
    ['a dead letter before its time', { deadLetters: [deadLetter('product-3', 1, 1_999)] }, 'after 1999 ms'],
    ['another reason', { deadLetters: [deadLetter('product-3', 1, 2_000, 'undecodable')] }, 'undecodable'],
    ['a second result', { activated: [result('product-1/1'), result('product-1/1')] }, 'second result'],
    ['a result without a call', { activated: [result('product-3/1')] }, 'belongs to no call'],
    ['a result that the service did not give', { activated: [result('product-1/1', 503)] }, 'is 503'],
    [
      'a dead letter although its row arrived in time',
      { deadLetters: [deadLetter('product-2', 1)] },
      'had arrived in time',
    ],
  ])('finds %s', (_, differing, text) => {
    expect(wrongRecords(ledger, { ...evidence, ...differing }, 2_000)).toEqual([expect.stringContaining(text)])
  })

  it('separates the times of those that passed at once from those that waited', () => {
    ledger.outcome('product-1/1', 'notified', 25)
    ledger.outcome('product-2/1', 'notified', 220)
    ledger.outcome('product-2/1', 'notified', 9_999) // a second time, which does not count as a waiting time
    ledger.outcome('product-2/2', 'notified', 125)
    ledger.outcome('product-3/1', 'dead-lettered', 2_030)
    expect(waitingTimes(ledger, true)).toEqual({ count: 2, p50Ms: 5, p99Ms: 15, maxMs: 15 })
    expect(waitingTimes(ledger, false)).toEqual({ count: 1, p50Ms: 200, p99Ms: 200, maxMs: 200 })
  })
})
