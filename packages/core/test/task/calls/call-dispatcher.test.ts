import { describe, expect, it } from 'vitest'
import type { NewClaim } from '../../../src/call/new-claim.js'
import type { CallState } from '../../../src/changelog/call-record.js'
import type { Clock } from '../../../src/clock.js'
import { JoineryError } from '../../../src/errors.js'
import type { CallPlan } from '../../../src/pipeline/call-plan.js'
import { CallDispatcher, type ClaimReport } from '../../../src/task/calls/call-dispatcher.js'
import { ManualClock } from '../../../src/testing.js'

const origin = { topic: 'asked', partition: 0, offset: 0 }
const record = { ...origin, key: null, value: null, timestamp: 0, headers: [] }
const info = { key: null, timestamp: 0, headers: [], origin }
const claim: NewClaim = { id: 'a', token: 't', attempt: 1, claimedAt: 0, value: 1, info }
const claimant = { instance: 'i', host: 'h', pid: 1, startedAt: 0 }
const claimed: CallState = {
  state: 'claimed',
  claim: { token: claim.token, claimant, claimedAt: 0 },
  record,
  arrival: 0,
  fingerprint: 'f',
  offset: 0,
  attempts: 1,
  formerTokens: [],
}
const MINUTE_MS = 60_000

function dispatching() {
  let made = 0
  const plan: Pick<CallPlan, 'call' | 'timeoutMs' | 'sink' | 'namespace'> = {
    call: async () => {
      made++
    },
    timeoutMs: MINUTE_MS,
    sink: undefined,
    namespace: 'n',
  }
  const clock = new ManualClock(0)
  return { dispatcher: new CallDispatcher(plan as CallPlan, clock), clock, made: () => made }
}

describe('a claim whose commit had an unclear outcome', () => {
  it('is used, however long ago the commit was sent, if it is found committed when the task is reopened', async () => {
    const { dispatcher, clock, made } = dispatching()
    dispatcher.track([claim])
    await clock.advance(MINUTE_MS)
    expect(made()).toBe(0)
    dispatcher.reconcile(
      () => claimed,
      [],
      () => {},
    )
    expect(made()).toBe(1)
  })

  it('is dropped if it is not found, and then nothing is left to report', async () => {
    const { dispatcher, made } = dispatching()
    dispatcher.track([claim])
    const reported = dispatcher.allReported()
    dispatcher.reconcile(
      () => undefined,
      [],
      () => {},
    )
    await reported
    expect([made(), dispatcher.has(claim.token)]).toEqual([0, false])
  })
})

describe('a claim whose commit has succeeded', () => {
  it.each([
    ['is used at once', 0, 1],
    ['is given up if that took too long', 5_000, 0],
  ])('%s', async (_, ms, calls) => {
    const { dispatcher, clock, made } = dispatching()
    dispatcher.track([claim])
    await clock.advance(ms)
    dispatcher.onCommitted([claim], 0, true)
    expect(made()).toBe(calls)
  })
})

describe('a call function that blocks the event loop', () => {
  const SLOW_MS = 5_000
  /** The first call takes long, and meanwhile the task may have moved. */
  const blocking = () => {
    let time = 0
    let made = 0
    const call = async () => {
      if (++made === 1) time += SLOW_MS
    }
    const clock: Clock = {
      now: () => time,
      monotonic: () => time,
      setTimeout: () => ({ cancel: () => {} }),
      yieldToEventLoop: () => Promise.resolve(),
    }
    const plan = { call, timeoutMs: MINUTE_MS, sink: undefined, namespace: 'n' }
    const claims = ['first', 'second'].map((token) => ({ ...claim, id: token, token }))
    const dispatcher = new CallDispatcher(plan as unknown as CallPlan, clock)
    dispatcher.track(claims)
    return { dispatcher, claims, made: () => made }
  }
  const notSent = [{ id: 'second', report: { token: 'second', outcome: 'not-sent', by: 'owner' } }]

  it('keeps the calls after it in the same commit from being started late', () => {
    const { dispatcher, claims, made } = blocking()
    dispatcher.onCommitted(claims, 0, true)
    expect([made(), dispatcher.drainReports()]).toEqual([1, notSent])
  })

  it('keeps the calls after it from being started late when the task is reopened', () => {
    const { dispatcher, made } = blocking()
    const stored = (token: string) => ({ ...claimed, claim: { ...claimed.claim, token } })
    dispatcher.reconcile(stored, [], () => {})
    expect([made(), dispatcher.drainReports()]).toEqual([1, notSent])
  })
})

/** Calls that return when the test says so; the clock is the one that their timeout is measured by. */
function calling() {
  const returns: (() => void)[] = []
  let wakes = 0
  const plan = {
    call: () => new Promise<void>((resolve) => returns.push(resolve)),
    timeoutMs: MINUTE_MS,
    sink: undefined,
    namespace: 'n',
  }
  const clock = new ManualClock(0)
  const dispatcher = new CallDispatcher(plan as unknown as CallPlan, clock)
  const reconcile = (call?: CallState, orphaned: readonly string[] = []) =>
    dispatcher.reconcile(
      () => call,
      orphaned,
      () => wakes++,
    )
  reconcile()
  /** The function of the oldest call returns. */
  const settle = async () => {
    returns.shift()?.()
    await clock.yieldToEventLoop()
  }
  const start = (...claims: readonly NewClaim[]) => {
    dispatcher.track(claims)
    dispatcher.onCommitted(claims, clock.monotonic(), true)
  }
  return { dispatcher, clock, reconcile, settle, start, wakes: () => wakes }
}

const outcomes = (reports: readonly ClaimReport[]) => reports.map(({ id, report }) => [id, report.outcome])
const other: NewClaim = { ...claim, id: 'b', token: 'u' }

describe('the outcome of a call', () => {
  it('is reported once the function has returned, until the report is committed', async () => {
    const { dispatcher, settle, start, wakes } = calling()
    start(claim, other)
    expect([dispatcher.running, dispatcher.hasReports, wakes()]).toEqual([2, false, 0])
    await settle()
    expect([dispatcher.running, dispatcher.hasReports, wakes()]).toEqual([1, true, 1])
    const reports = dispatcher.drainReports()
    expect(reports).toEqual([
      { id: 'a', report: expect.objectContaining({ token: 't', outcome: 'done', by: 'owner' }) },
    ])
    expect([dispatcher.hasReports, dispatcher.drainReports()]).toEqual([false, []])
    expect([dispatcher.has('t'), dispatcher.has('u')]).toEqual([true, true])
    dispatcher.onReportsCommitted(reports)
    expect([dispatcher.has('t'), dispatcher.has('u')]).toEqual([false, true])
  })

  it('is reported again after the commit of its report has failed', async () => {
    const { dispatcher, settle, start, reconcile } = calling()
    start(claim)
    await settle()
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'done']])
    reconcile(claimed)
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'done']])
  })

  it('is in doubt after its timeout, and what the function returns later is reported, too', async () => {
    const { dispatcher, clock, settle, start } = calling()
    start(claim)
    await clock.advance(MINUTE_MS - 1)
    expect(dispatcher.hasReports).toBe(false)
    await clock.advance(1)
    const doubt = dispatcher.drainReports()
    expect(doubt).toEqual([
      {
        id: 'a',
        report: {
          token: 't',
          outcome: 'in-doubt',
          by: 'owner',
          claimantFinished: false,
          why: 'it took longer than 60000 ms',
        },
      },
    ])
    await settle()
    expect(dispatcher.hasReports).toBe(true)
    dispatcher.onReportsCommitted(doubt) // which is no longer the newest
    const late = dispatcher.drainReports()
    expect(outcomes(late)).toEqual([['a', 'done']])
    dispatcher.onReportsCommitted(late)
    expect(dispatcher.has('t')).toBe(false)
  })

  it('of a call that runs on after its timeout is still to come when the doubt is committed', async () => {
    const { dispatcher, clock, start } = calling()
    start(claim)
    await clock.advance(MINUTE_MS)
    dispatcher.onReportsCommitted(dispatcher.drainReports())
    expect([dispatcher.has('t'), dispatcher.running]).toEqual([true, 1])
  })

  it('is no timeout if the function has returned in time', async () => {
    const { dispatcher, clock, settle, start } = calling()
    start(claim)
    await settle()
    await clock.advance(2 * MINUTE_MS)
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'done']])
  })

  it('is awaited by those who wait until everything is reported', async () => {
    const { dispatcher, clock, settle, start } = calling()
    await dispatcher.allReported() // nothing is claimed
    start(claim, other)
    let isReported = false
    void dispatcher.allReported().then(() => {
      isReported = true
    })
    for (const expected of [false, true]) {
      await settle()
      expect(isReported).toBe(false)
      dispatcher.onReportsCommitted(dispatcher.drainReports())
      await clock.yieldToEventLoop()
      expect(isReported).toBe(expected)
    }
  })
})

describe('the function of a call', () => {
  /** Starts a call with this function. */
  function starting(call: CallPlan['call']) {
    const clock = new ManualClock(0)
    const plan = { call, timeoutMs: MINUTE_MS, sink: undefined, namespace: 'n', connectMs: 1, headersMs: 1, bodyMs: 1 }
    const dispatcher = new CallDispatcher(plan as unknown as CallPlan, clock)
    dispatcher.reconcile(
      () => undefined,
      [],
      () => {},
    )
    dispatcher.track([claim])
    dispatcher.onCommitted([claim], 0, true)
    return { dispatcher, clock }
  }

  it('can end at its timeout: then its own outcome is the only one', async () => {
    let reason: unknown
    const { dispatcher, clock } = starting(
      (_, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason
            resolve()
          })
        }),
    )
    await clock.advance(MINUTE_MS)
    await clock.yieldToEventLoop()
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'done']])
    expect(reason).toMatchObject({ name: 'TimeoutError', message: 'the call took longer than 60000 ms' })
  })

  it('sends no further request once the application closes', async () => {
    let attempt: Promise<unknown> | undefined
    const { dispatcher, clock } = starting(async (_, { fetch }) => {
      await Promise.resolve()
      dispatcher.stop()
      attempt = fetch('http://127.0.0.1:1/')
      await attempt
    })
    await clock.yieldToEventLoop()
    await expect(attempt).rejects.toThrow('the request was not sent: the application is closing')
    await clock.yieldToEventLoop()
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'not-sent']])
  })

  it('leaves the call in doubt if it throws what has no text', async () => {
    const { dispatcher, clock } = starting(async () => {
      throw Object.create(null)
    })
    await clock.yieldToEventLoop()
    const why = 'it threw a value whose message could not be read'
    expect(dispatcher.drainReports()).toEqual([
      { id: 'a', report: { token: 't', outcome: 'in-doubt', by: 'owner', claimantFinished: true, why } },
    ])
  })

  it('runs once, however often its claim is reported as committed', () => {
    const { dispatcher } = starting(() => new Promise<void>(() => {}))
    dispatcher.onCommitted([claim, other], 0, true)
    dispatcher.onReportsCommitted([{ id: 'b', report: { token: 'u', outcome: 'done', by: 'owner' } }])
    expect([dispatcher.running, dispatcher.has('u')]).toEqual([1, false])
  })
})

describe('a claim that is not used', () => {
  it('is reported as not sent: the task does not start calls now', () => {
    const { dispatcher } = calling()
    dispatcher.track([claim])
    dispatcher.onCommitted([claim], 0, false)
    expect(dispatcher.running).toBe(0)
    const reports = dispatcher.drainReports()
    expect(reports).toEqual([{ id: 'a', report: { token: 't', outcome: 'not-sent', by: 'owner' } }])
    dispatcher.onReportsCommitted(reports)
    expect(dispatcher.has('t')).toBe(false)
  })

  it('is reported as not sent: the call is committed, and its outcome is known already', () => {
    const { dispatcher, reconcile } = calling()
    dispatcher.track([claim])
    reconcile({ ...claimed, state: 'in-doubt' } as CallState)
    expect([dispatcher.running, outcomes(dispatcher.drainReports())]).toEqual([0, [['a', 'not-sent']]])
  })

  it.each<[string, CallState]>([
    ['another claim', { ...claimed, claim: { token: 'another', claimant, claimedAt: 0 } } as CallState],
    ['no claim', { ...claimed, state: 'ready', claim: undefined } as unknown as CallState],
  ])('is dropped: the committed call has %s', (_, call) => {
    const { claim: held, ...rest } = call as CallState & { claim?: unknown }
    const { dispatcher, reconcile } = calling()
    dispatcher.track([claim])
    reconcile((held === undefined ? rest : call) as CallState)
    expect([dispatcher.has('t'), dispatcher.running, dispatcher.hasReports]).toEqual([false, 0, false])
  })

  it('is not started again by a task that is reopened while it runs', () => {
    const { dispatcher, reconcile, start } = calling()
    start(claim)
    reconcile(claimed)
    expect(dispatcher.running).toBe(1)
  })
})

describe('a task that has ended in this process', () => {
  /** A task that has ended, whose reports are written as the test says. */
  function handedOff() {
    const all = calling()
    const sent: ClaimReport[] = []
    const sentAt: number[] = []
    const errors: unknown[] = []
    const send = async (report: ClaimReport) => {
      sent.push(report)
      sentAt.push(all.clock.monotonic())
      const error = errors.shift()
      if (error !== undefined) throw error
    }
    return { ...all, sent, sentAt, errors, end: () => all.dispatcher.handOff(send) }
  }

  it('reports its outcomes to the next owner through the log, as the claimant', async () => {
    const { dispatcher, clock, settle, start, sent, end, wakes } = handedOff()
    const waiting: NewClaim = { ...claim, id: 'c', token: 'v' }
    start(claim, other)
    await settle()
    dispatcher.drainReports() // into a commit that was not made
    dispatcher.track([waiting])
    const before = wakes()
    end()
    expect(sent).toEqual([
      { id: 'a', report: expect.objectContaining({ token: 't', outcome: 'done', by: 'claimant' }) },
      { id: 'c', report: { token: 'v', outcome: 'not-sent', by: 'claimant' } },
    ])
    await clock.yieldToEventLoop()
    expect([dispatcher.has('t'), dispatcher.has('v'), dispatcher.has('u')]).toEqual([false, false, true])
    await settle()
    expect(outcomes(sent.slice(2))).toEqual([['b', 'done']])
    expect([dispatcher.has('u'), wakes()]).toEqual([false, before])
    await dispatcher.allReported()
  })

  it('retries a report after 0.5, 1, 2 … s, 30 s at most, until it is written', async () => {
    const { dispatcher, clock, settle, start, sentAt, errors, end } = handedOff()
    start(claim)
    await settle()
    errors.push(...Array.from({ length: 9 }, () => new Error('no leader')))
    end()
    await clock.yieldToEventLoop()
    for (let ms = 0; ms < 200_000; ms += 500) await clock.advance(500)
    const waits = sentAt.slice(1).map((at, i) => at - (sentAt[i] as number))
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    expect(dispatcher.has('t')).toBe(false)
  })

  it('reports nothing more once the log is closed', async () => {
    const { dispatcher, clock, settle, start, sent, errors, end } = handedOff()
    start(claim, other)
    await settle()
    errors.push(new JoineryError('LOG_CLOSED', 'closed'))
    end()
    await dispatcher.allReported()
    await clock.advance(MINUTE_MS)
    expect([sent.length, dispatcher.has('t'), dispatcher.has('u')]).toEqual([1, false, false])
  })

  it('retries no report that the task, opened again in this process, has taken', async () => {
    const { dispatcher, clock, settle, start, sent, errors, reconcile, end } = handedOff()
    start(claim)
    await settle()
    errors.push(new Error('no leader'))
    end()
    await clock.yieldToEventLoop()
    reconcile(claimed)
    expect(outcomes(dispatcher.drainReports())).toEqual([['a', 'done']])
    await clock.advance(MINUTE_MS)
    expect(sent).toHaveLength(1)
  })

  it('reports nothing after a crash', async () => {
    const { dispatcher, clock, settle, start, sent, end } = handedOff()
    start(claim)
    const reported = dispatcher.allReported()
    dispatcher.discard()
    await reported
    end()
    await settle()
    await clock.advance(MINUTE_MS)
    expect([sent, dispatcher.hasReports]).toEqual([[], false])
  })
})

describe('the time since which a claim is orphaned', () => {
  it('is that when this process first saw it, kept when the task is reopened while it stays orphaned', async () => {
    const { dispatcher, clock, reconcile } = calling()
    await clock.advance(10)
    reconcile(undefined, ['x', 'y'])
    await clock.advance(10)
    reconcile(undefined, ['y', 'z'])
    await clock.advance(10)
    expect(['x', 'y', 'z'].map((token) => dispatcher.orphanedSince(token))).toEqual([30, 10, 20])
    await clock.advance(10)
    expect(dispatcher.orphanedSince('x')).toBe(30)
  })
})
