import { describe, expect, it } from 'vitest'
import { settle } from '../../src/call/settle.js'
import type { CallState, Claim } from '../../src/changelog/call-record.js'
import type { Report } from '../../src/changelog/report-record.js'

const claim: Claim = { token: 't1', claimant: { instance: 'i', host: 'h', pid: 1, startedAt: 0 }, claimedAt: 5 }
const record = { topic: 's', partition: 0, offset: 7, key: null, value: null, timestamp: 0, headers: [] }
const common = { fingerprint: 'f', offset: 7, attempts: 1, formerTokens: ['t0'] }
const open = { ...common, record, arrival: 1 }
const call = {
  ready: { ...open, state: 'ready' },
  claimed: { ...open, state: 'claimed', claim },
  inDoubt: { ...open, state: 'in-doubt', claim, since: 9, claimantFinished: false, why: 'lost' },
  done: { ...common, state: 'done', token: 't1', finishedAt: 9, decision: undefined },
  abandoned: { ...common, state: 'abandoned', token: 't1', finishedAt: 9, decision: undefined },
} as const satisfies Record<string, CallState>

type State = keyof typeof call
type Who = Report['by']
type Outcome = Report['outcome']
const after = (
  state: State | undefined,
  token: string,
  by: Who,
  outcome: Outcome,
  more: Partial<Report> = {},
): string => {
  const settled = settle(state && call[state], { token, by, outcome, ...more }, 100)
  return 'call' in settled ? `${settled.call.state}, ${settled.type}` : settled.type
}

// law 8: reports act on CLAIMED and IN_DOUBT, decisions on IN_DOUBT alone, both by token; DONE and ABANDONED never change
describe('a report', () => {
  it.each<[State, Who, Outcome, string]>([
    ['claimed', 'owner', 'done', 'done, emit'],
    ['claimed', 'claimant', 'done', 'done, emit'],
    ['claimed', 'person', 'done', 'stale'],
    ['claimed', 'owner', 'not-sent', 'ready, update'],
    ['claimed', 'claimant', 'not-sent', 'ready, update'],
    ['claimed', 'person', 'not-sent', 'stale'],
    ['claimed', 'owner', 'in-doubt', 'in-doubt, publish'],
    ['claimed', 'claimant', 'in-doubt', 'in-doubt, publish'],
    ['claimed', 'person', 'abandoned', 'stale'],
    ['inDoubt', 'claimant', 'done', 'done, emit'],
    ['inDoubt', 'person', 'done', 'done, emit'],
    ['inDoubt', 'claimant', 'not-sent', 'ready, update'],
    ['inDoubt', 'person', 'not-sent', 'ready, update'],
    ['inDoubt', 'person', 'abandoned', 'abandoned, update'],
    ['inDoubt', 'claimant', 'in-doubt', 'stale'],
    ['ready', 'claimant', 'not-sent', 'stale'],
    ['ready', 'person', 'abandoned', 'stale'],
    ['done', 'claimant', 'done', 'stale'],
    ['done', 'claimant', 'in-doubt', 'stale'],
    ['done', 'person', 'not-sent', 'contradiction'],
    ['done', 'person', 'abandoned', 'contradiction'],
    ['abandoned', 'person', 'abandoned', 'stale'],
    ['abandoned', 'claimant', 'done', 'contradiction'],
    ['abandoned', 'claimant', 'in-doubt', 'stale'],
  ])('on %s by the %s that says %s: %s', (state, by, outcome, expected) => {
    expect(after(state, 't1', by, outcome)).toBe(expected)
  })

  it.each<State>(['claimed', 'inDoubt'])('on %s about another claim changes nothing', (state) => {
    expect(after(state, 't9', 'claimant', 'not-sent')).toBe('stale')
    expect(after(state, 't9', 'person', 'abandoned')).toBe('stale')
    expect(after(state, 't9', 'claimant', 'in-doubt')).toBe('stale')
    expect(after(state, 't9', 'claimant', 'done')).toBe('contradiction')
  })

  it('about an unknown call changes nothing', () => {
    expect(after(undefined, 't1', 'claimant', 'done')).toBe('stale')
  })

  it('that proves a request under a claim that was declared unsent completes the call', () => {
    expect(after('ready', 't0', 'claimant', 'done')).toBe('done, emit')
    expect(after('ready', 't9', 'claimant', 'done')).toBe('contradiction')
  })

  it('that the claimant is finished is stored, once, and not published again', () => {
    const settled = settle(
      call.inDoubt,
      { token: 't1', by: 'claimant', outcome: 'in-doubt', claimantFinished: true },
      100,
    )
    expect(settled).toMatchObject({ call: { state: 'in-doubt', claimantFinished: true, since: 9 }, type: 'update' })
    const again = { ...call.inDoubt, claimantFinished: true }
    expect(settle(again, { token: 't1', by: 'claimant', outcome: 'in-doubt', claimantFinished: true }, 100)).toEqual({
      type: 'stale',
    })
  })

  it('of not-sent is remembered if it may be wrong, and only then', () => {
    const remembered = (by: Who, more: Partial<Report> = {}) =>
      settle(call.inDoubt, { token: 't1', by, outcome: 'not-sent', ...more }, 100)
    expect(remembered('person')).toMatchObject({ call: { formerTokens: ['t0', 't1'] } })
    expect(remembered('owner', { mayBeSent: true })).toMatchObject({ call: { formerTokens: ['t0', 't1'] } })
    expect(remembered('claimant')).toMatchObject({ call: { formerTokens: ['t0'] } })
  })
})
