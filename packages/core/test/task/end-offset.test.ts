import { describe, expect, it } from 'vitest'
import { EndOffset } from '../../src/task/end-offset.js'
import { ManualClock } from '../../src/testing.js'

const AT = { topic: 'rows', partition: 3 }

/** A log whose responses come when the test resolves it. */
async function requesting() {
  const clock = new ManualClock(0)
  await clock.advance(10_000)
  const requests: unknown[][] = []
  const responses: { readonly resolve: (end: number) => void; readonly reject: (error: unknown) => void }[] = []
  let wakes = 0
  const end = new EndOffset<string>({
    source: {
      endOffset: (...request) => {
        requests.push(request)
        return new Promise((resolve, reject) => responses.push({ resolve, reject }))
      },
    },
    topicPartition: AT,
    monotonic: () => clock.monotonic(),
    wake: () => wakes++,
  })
  const respond = async (with_: number | Error) => {
    const { resolve, reject } = responses.shift() as (typeof responses)[number]
    if (typeof with_ === 'number') resolve(with_)
    else reject(with_)
    await clock.yieldToEventLoop()
  }
  return { clock, end, requests, respond, wakes: () => wakes }
}

describe('an end offset', () => {
  it('is requested once at a time, and is pending until the log responds', async () => {
    const { end, requests, respond, wakes } = await requesting()
    expect([end.isPending, end.requested, end.reached(1_000_000)]).toEqual([false, undefined, undefined])
    end.request('first')
    end.request('second')
    expect(requests).toEqual([[AT, 'high-watermark']])
    expect([end.isPending, end.requested]).toEqual([true, { requestedAt: 'first', end: undefined }])
    expect(end.reached(1_000_000)).toBeUndefined()
    expect(wakes()).toBe(0)
    await respond(7)
    expect([end.isPending, end.requested]).toEqual([false, { requestedAt: 'first', end: 7 }])
    expect(wakes()).toBe(1)
    end.request('third')
    expect(requests).toHaveLength(1)
  })

  it('is reached once everything before it has been processed; then the next one can be requested', async () => {
    const { end, requests, respond } = await requesting()
    end.request('first')
    await respond(7)
    expect(end.reached(6)).toBeUndefined()
    expect(end.reached(7)).toBe('first')
    expect([end.requested, end.reached(8)]).toEqual([undefined, undefined])
    end.request('second', 'last-stable-offset')
    expect(requests[1]).toEqual([AT, 'last-stable-offset'])
    await respond(7)
    expect(end.reached(8)).toBe('second')
  })

  it('is requested again a second after a request that failed, which is a problem until one succeeds', async () => {
    const { clock, end, requests, respond, wakes } = await requesting()
    expect(end.problem).toBeUndefined()
    end.request('first')
    await respond(new Error('no leader'))
    expect(end.problem).toBe('could not fetch the end offset of rows[3]: Error: no leader')
    expect([end.isPending, end.requested, end.retryAt, wakes()]).toEqual([false, undefined, 11_000, 1])
    await clock.advance(999)
    end.request('second')
    expect(requests).toHaveLength(1)
    await clock.advance(1)
    end.request('third')
    expect(requests).toHaveLength(2)
    expect(end.problem).toBeDefined()
    await respond(7)
    expect([end.problem, end.reached(7)]).toEqual([undefined, 'third'])
  })
})
