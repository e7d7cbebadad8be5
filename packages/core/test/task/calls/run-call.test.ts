import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { idempotencyKeyOf } from '../../../src/call/call-id.js'
import type { NewClaim } from '../../../src/call/new-claim.js'
import { type Call, json, notSent } from '../../../src/index.js'
import type { CallPlan } from '../../../src/pipeline/call-plan.js'
import { runCall } from '../../../src/task/calls/run-call.js'
import { TrackedClaim } from '../../../src/task/calls/tracked-claim.js'
import { ManualClock } from '../../../src/testing.js'

const info = { key: 'k', timestamp: 5, headers: [], origin: { topic: 'asked', partition: 0, offset: 7 } }
const claim: NewClaim = { id: 'a', token: 't', attempt: 2, claimedAt: 9, value: 'value', info }

/** Runs a call whose function is given, and returns the report of its outcome. */
function running(call: (value: unknown, call: Call<unknown>) => unknown, sink?: CallPlan['sink']) {
  const times = { connectMs: 1_000, headersMs: 1_000, bodyMs: 1_000 }
  const plan = { namespace: 'n', call, sink, ...times } as unknown as CallPlan
  const abort = new AbortController()
  const closing = new AbortController()
  const clock = new ManualClock(0)
  return { abort, closing, report: runCall(claim, { plan, clock, abort, closing: closing.signal }) }
}

const throws = (error: unknown) => () => {
  throw error
}
const IN_DOUBT = { token: 't', outcome: 'in-doubt', by: 'owner', claimantFinished: true }

/** A server that responds at once; its address. */
async function serving(use: (url: string) => Promise<void>) {
  const server = createServer((_, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.close()
  }
}

describe('the function of a call', () => {
  it('gets the value, and all that is known about the call', async () => {
    const seen: unknown[] = []
    const { abort, report } = running((value, call) => void seen.push(value, call))
    expect(await report).toEqual({ token: 't', outcome: 'done', by: 'owner', result: undefined })
    expect(seen).toEqual([
      'value',
      {
        id: 'a',
        idempotencyKey: idempotencyKeyOf('n', 'a'),
        attempt: 2,
        claimedAt: 9,
        record: info,
        signal: abort.signal,
        fetch: expect.any(Function),
      },
    ])
  })

  it('has its result encoded for the sink', async () => {
    const sink = { topic: 'results', encode: json<unknown>() }
    const { report } = running(async () => ({ n: 1 }), sink)
    const { result, ...rest } = await report
    expect([rest, String(Buffer.from(result ?? []))]).toEqual([{ token: 't', outcome: 'done', by: 'owner' }, '{"n":1}'])
  })

  it('leaves the call in doubt if its result cannot be encoded: the request was made', async () => {
    const fails = () => {
      throw new Error('no text')
    }
    const sink = { topic: 'results', encode: { format: 'none', encode: fails } }
    expect(await running(async () => 1, sink).report).toEqual({
      ...IN_DOUBT,
      why: 'its result could not be encoded as a value of results: no text',
    })
  })

  it.each([
    ['an error', new Error('reset'), 'reset'],
    ['an error with a cause', new Error('fetch failed', { cause: new Error('reset') }), 'fetch failed: reset'],
    ['an error whose cause is none', new Error('fetch failed', { cause: 'reset' }), 'fetch failed'],
    ['something else', 7, '7'],
    ['a long text', 'x'.repeat(2_000), 'x'.repeat(1_000)],
  ])('leaves the call in doubt if it throws %s', async (_, error, why) => {
    expect(await running(throws(error)).report).toEqual({ ...IN_DOUBT, why })
  })

  it('has the call made again if it says that nothing was sent', async () => {
    const { report } = running(throws(notSent(new Error('the circuit breaker is open'))))
    const { why, ...rest } = await report
    expect(rest).toEqual({ token: 't', outcome: 'not-sent', by: 'owner' })
    expect(why).toContain('the circuit breaker is open')
    const long = await running(throws(notSent('x'.repeat(2_000)))).report
    expect(long.why).toHaveLength(1_000)
  })

  it('is not believed that nothing was sent if its own request has left', async () => {
    await serving(async (url) => {
      const { report } = running(async (_, { fetch }) => {
        await fetch(url)
        throw notSent('it was not me')
      })
      const { why, ...rest } = await report
      expect(rest).toEqual(IN_DOUBT)
      expect(why).toMatch(/^the function threw notSent, but call\.fetch had sent a request: .*it was not me$/)
    })
  })

  it('can send nothing more once it has returned', async () => {
    await serving(async (url) => {
      let late: (() => Promise<unknown>) | undefined
      const { abort, report } = running((_, { fetch }) => {
        late = () => fetch(url)
      })
      await report
      expect([abort.signal.aborted, abort.signal.reason.message]).toEqual([true, 'the call is over'])
      await expect(late?.()).rejects.toThrow('the call is over')
    })
  })

  it('sends nothing once the application closes', async () => {
    await serving(async (url) => {
      const { closing, report } = running(async (_, { fetch }) => {
        await Promise.resolve()
        closing.abort(new Error('closing'))
        await fetch(url)
      })
      expect(await report).toMatchObject({ outcome: 'not-sent' })
    })
  })
})

describe('a claim', () => {
  it.each<readonly ('running' | 'ended')[]>([['running', 'ended'], ['ended']])(
    'goes from committing to %s %s',
    (...phases) => {
      const tracked = new TrackedClaim(claim)
      expect([tracked.phase, tracked.isReportInFlight, tracked.report]).toEqual(['committing', false, undefined])
      for (const phase of phases) {
        tracked.enter(phase)
        expect(tracked.phase).toBe(phase)
      }
    },
  )

  it.each<readonly ('committing' | 'running' | 'ended')[]>([
    ['committing'],
    ['running', 'running'],
    ['running', 'committing'],
    ['ended', 'running'],
    ['ended', 'ended'],
  ])('goes nowhere else: %s %s', (...phases) => {
    const tracked = new TrackedClaim(claim)
    const last = phases.at(-1) as (typeof phases)[number]
    for (const phase of phases.slice(0, -1)) tracked.enter(phase)
    expect(() => tracked.enter(last)).toThrow(`a claim cannot go from ${tracked.phase} to ${last}`)
  })
})
