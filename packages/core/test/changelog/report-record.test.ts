import { describe, expect, it } from 'vitest'
import { decodeReport, encodeReport, type ReportMessage } from '../../src/changelog/report-record.js'
import type { LogRecord } from '../../src/record.js'

const decoded = (value: Uint8Array): ReportMessage | undefined => {
  const record: LogRecord = { topic: 'r', partition: 0, offset: 0, key: null, value, timestamp: 0, headers: [] }
  return decodeReport(record)
}
const report = { type: 'report', pipeline: 'p', id: 'x', token: 't', by: 'claimant' } as const

describe('a record of the reports topic', () => {
  it.each<[string, ReportMessage]>([
    ['a result', { ...report, outcome: 'done', result: Buffer.from([0, 255]) }],
    ['a request that was not sent', { ...report, outcome: 'not-sent', why: 'refused' }],
    ['a call in doubt', { ...report, outcome: 'in-doubt', claimantFinished: true, why: 'no response' }],
    [
      'a decision',
      { ...report, by: 'person', outcome: 'abandoned', decision: { decidedBy: 'ops', reason: 'gone', decidedAt: 5 } },
    ],
    ['an owner checkpoint', { type: 'owner-checkpoint', topicId: 'id', offset: 7, isLost: true }],
  ])('is read back: %s', (_, message) => {
    expect(decoded(encodeReport(message))).toEqual(message)
  })

  it.each<[string, ReportMessage]>([
    ['a claimant that abandons a call, which only a person can', { ...report, outcome: 'abandoned' }],
    ['an owner, which reports nothing there', { ...report, by: 'owner', outcome: 'done' }],
    ['an unknown outcome', { ...report, outcome: 'lost' as 'done' }],
    ['no token', { ...report, outcome: 'done', token: undefined as never }],
  ])('is ignored: %s', (_, message) => {
    expect(decoded(encodeReport(message))).toBeUndefined()
  })
})
