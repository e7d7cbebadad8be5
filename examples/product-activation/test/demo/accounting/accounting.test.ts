import type { PipelineMetrics } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { type Counted, callDisagreements, disagreements } from '../../../src/demo/accounting/accounting.js'

const accounting = { in: 10, emitted: 7, dropped: 0, deadLettered: 3, waiting: 0 }
const calling = { calls: 7, results: 7, inDoubt: 2, resolved: 2, maxCallsPerActivation: 1 }
const counted: Counted = { accounting, ...calling }
const metrics: PipelineMetrics = {
  in: 10,
  emitted: 7,
  dropped: {},
  deadLettered: { 'no-row': 2, undecodable: 1 },
  waiting: 0,
  oldestWaitMs: 0,
  joined: {},
  unmatched: {},
  clamped: 0,
}

describe('the comparison of the figures counted from outside with the metrics', () => {
  it('finds nothing where all agrees', () => {
    expect(disagreements(counted, metrics, false)).toEqual([])
  })

  it.each<[string, Partial<Counted['accounting']>, string[]]>([
    ['a notification too many', { emitted: 8 }, ['in is 10, but', 'emitted is 8']],
    ['a notification that is missing', { emitted: 6, waiting: 1 }, ['emitted is 6', 'waiting is 1', 'still wait']],
    ['a dead letter too many', { deadLettered: 4 }, ['in is 10, but', 'deadLettered is 4']],
    [
      'a dead letter that is missing',
      { deadLettered: 2, waiting: 1 },
      ['deadLettered is 2', 'waiting is 1', 'still wait'],
    ],
    ['an activation that was never read', { in: 11, waiting: 1 }, ['in is 11', 'waiting is 1', 'still wait']],
  ])('finds %s', (_, differing, texts) => {
    const found = disagreements({ ...counted, accounting: { ...accounting, ...differing } }, metrics, false)
    expect(found).toEqual(texts.map((text) => expect.stringContaining(text)))
  })

  it.each<[string, Partial<PipelineMetrics>, string]>([
    ['in', { in: 9 }, 'in is 10'],
    ['emitted', { emitted: 8 }, 'emitted is 7'],
    ['dropped', { dropped: { 'no-row': 1, 'null-value': 1 } }, 'dropped is 0 as counted from outside, 2'],
    ['deadLettered', { deadLettered: { 'no-row': 2 } }, 'deadLettered is 3 as counted from outside, 2'],
    ['waiting', { waiting: 1 }, 'waiting is 0'],
  ])('finds a metric that is wrong: %s', (_, differing, text) => {
    expect(disagreements(counted, { ...metrics, ...differing }, false)).toEqual([expect.stringContaining(text)])
  })

  it('reports activations that wait at the end, even if the metrics agree', () => {
    const waiting = { ...counted, accounting: { ...accounting, deadLettered: 2, waiting: 1 } }
    expect(disagreements(waiting, { ...metrics, deadLettered: { 'no-row': 2 }, waiting: 1 }, false)).toEqual([
      '1 activations still wait although their deadline has passed',
    ])
  })

  it('lets an interrupted run leave activations waiting or unread, and notifications without a call', () => {
    const interrupted: Counted = {
      accounting: { in: 12, emitted: 7, dropped: 0, deadLettered: 1, waiting: 4 },
      ...calling,
    }
    const read = { ...metrics, in: 10, deadLettered: { 'no-row': 1 }, waiting: 2 }
    expect(disagreements(interrupted, read, true)).toEqual([])
    expect(disagreements(interrupted, { ...read, waiting: 3 }, true)).toEqual([expect.stringContaining('waiting is 4')])
    expect(disagreements(interrupted, { ...read, emitted: 6 }, true)).toEqual([expect.stringContaining('emitted is 7')])
  })
})

describe('the comparison of calls', () => {
  const { calls, results, inDoubt, resolved } = calling
  const b: PipelineMetrics = { ...metrics, in: calls, emitted: results, deadLettered: {}, inDoubt }

  it('finds nothing where all agrees', () => {
    expect(callDisagreements(counted, b, false)).toEqual([])
  })

  it.each<[string, Partial<Counted>, string[]]>([
    [
      'an activation that was called twice',
      { calls: 8, maxCallsPerActivation: 2 },
      ['an activation was called 2 times', 'received 8 calls for 7'],
    ],
    ['a call that is missing', { calls: 6 }, ['received 6 calls for 7']],
    ['a result that is missing', { results: 6 }, ['results is 6 as counted from outside, 7', '6 calls have a result']],
    ['a call in doubt that is not reported', { inDoubt: 1, resolved: 1 }, ['inDoubt is 1 as counted from outside, 2']],
    ['a call that is still in doubt', { resolved: resolved - 1 }, ['calls still in doubt: 1']],
  ])('finds %s', (_, differing, texts) => {
    const found = callDisagreements({ ...counted, ...differing }, b, false)
    expect(found).toEqual(texts.map((text) => expect.stringContaining(text)))
  })

  it.each<[string, Partial<PipelineMetrics>, string]>([
    ['in', { in: 6 }, 'has taken in 6'],
    ['emitted', { emitted: 6 }, 'results is 7 as counted from outside, 6'],
    ['inDoubt', { inDoubt: 3 }, 'inDoubt is 2 as counted from outside, 3'],
    ['dropped', { dropped: { duplicate: 1 } }, 'dropped 1'],
  ])('finds a metric that is wrong: %s', (_, differing, text) => {
    expect(callDisagreements(counted, { ...b, ...differing }, false)).toEqual([expect.stringContaining(text)])
  })

  it('lets an interrupted run leave notifications without a call, and calls in doubt', () => {
    const interrupted = { ...counted, calls: 6, results: 4, resolved: 1 }
    expect(callDisagreements(interrupted, { ...b, in: 6, emitted: 4 }, true)).toEqual([])
    expect(callDisagreements({ ...interrupted, calls: 8 }, { ...b, in: 6, emitted: 4 }, true)).toEqual([
      expect.stringContaining('received 8 calls'),
    ])
    expect(callDisagreements(interrupted, { ...b, in: 6, emitted: 5 }, true)).toEqual([
      expect.stringContaining('results is 4'),
    ])
  })
})
