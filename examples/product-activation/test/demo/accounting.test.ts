import type { PipelineMetrics } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { type Counted, disagreements } from '../../src/demo/accounting.js'

const accounting = { in: 10, emitted: 7, dropped: 0, deadLettered: 3, waiting: 0 }
const counted: Counted = { accounting, calls: 7, maxCallsPerActivation: 1 }
const metrics: PipelineMetrics = {
  in: 10,
  emitted: 7,
  dropped: {},
  deadLettered: { 'no-row': 2, undecodable: 1 },
  waiting: 0,
  oldestWaiterMs: 0,
  joined: {},
  unmatched: {},
  clamped: 0,
}

describe('the comparison of what was counted outside with the metrics', () => {
  it('finds nothing where all agrees', () => {
    expect(disagreements(counted, metrics, false)).toEqual([])
  })

  it.each<[string, Partial<Counted['accounting']>, string[]]>([
    ['a notification too many', { emitted: 8 }, ['in is 10, but', 'emitted is 8', 'received 7 calls for 8']],
    [
      'a notification that is missing',
      { emitted: 6, waiting: 1 },
      ['emitted is 6', 'waiting is 1', 'still wait', 'calls'],
    ],
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
    ['dropped', { dropped: { 'no-row': 1, 'null-value': 1 } }, 'dropped is 0 as counted outside, 2'],
    ['deadLettered', { deadLettered: { 'no-row': 2 } }, 'deadLettered is 3 as counted outside, 2'],
    ['waiting', { waiting: 1 }, 'waiting is 0'],
  ])('finds a metric that is wrong: %s', (_, differing, text) => {
    expect(disagreements(counted, { ...metrics, ...differing }, false)).toEqual([expect.stringContaining(text)])
  })

  it('finds an activation that was called twice', () => {
    expect(disagreements({ ...counted, calls: 8, maxCallsPerActivation: 2 }, metrics, false)).toEqual([
      'an activation was called 2 times',
      'the REST service received 8 calls for 7 notifications',
    ])
  })

  it('finds waiting activations wrong at the end, also where the metrics agree', () => {
    const waiting = { ...counted, accounting: { ...accounting, deadLettered: 2, waiting: 1 } }
    expect(disagreements(waiting, { ...metrics, deadLettered: { 'no-row': 2 }, waiting: 1 }, false)).toEqual([
      '1 activations still wait although their time is over',
    ])
  })

  it('lets an interrupted run leave activations waiting or unread, and notifications without a call', () => {
    const interrupted: Counted = {
      accounting: { in: 12, emitted: 7, dropped: 0, deadLettered: 1, waiting: 4 },
      calls: 5,
      maxCallsPerActivation: 1,
    }
    const read = { ...metrics, in: 10, deadLettered: { 'no-row': 1 }, waiting: 2 }
    expect(disagreements(interrupted, read, true)).toEqual([])
    expect(disagreements(interrupted, { ...read, waiting: 3 }, true)).toEqual([expect.stringContaining('waiting is 4')])
    expect(disagreements(interrupted, { ...read, emitted: 6 }, true)).toEqual([expect.stringContaining('emitted is 7')])
    expect(disagreements({ ...interrupted, calls: 8 }, read, true)).toEqual([
      expect.stringContaining('received 8 calls'),
    ])
  })
})
