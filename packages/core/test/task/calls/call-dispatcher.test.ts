import { describe, expect, it } from 'vitest'
import type { NewClaim } from '../../../src/call/call-operator.js'
import type { CallState } from '../../../src/changelog/call-record.js'
import type { CallPlan } from '../../../src/pipeline/call-plan.js'
import { CallDispatcher } from '../../../src/task/calls/call-dispatcher.js'
import { ManualClock } from '../../../src/testing.js'

const origin = { topic: 'asked', partition: 0, offset: 0 }
const record = { ...origin, key: null, value: null, timestamp: 0, headers: [] }
const info = { key: null, timestamp: 0, headers: [], origin }
const claim: NewClaim = { id: 'a', token: 't', attempt: 1, at: 0, value: 1, info }
const claimant = { instance: 'i', host: 'h', pid: 1, startedAt: 0 }
const claimed: CallState = {
  state: 'claimed',
  claim: { token: claim.token, claimant, at: 0 },
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
