import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { exponentialBackoff, type RetryPolicy, retry, settledWithin, sleep } from '../../src/connection/retry.js'

/** An operation that fails with each of these errors, then returns how often it ran. */
function failing(...errors: readonly Error[]) {
  const left = [...errors]
  return async (attempt: number): Promise<number> => {
    const error = left.shift()
    if (error !== undefined) throw error
    return attempt
  }
}
/** Timers that are about to be set count, too. */
async function advance(clock: ManualClock, ms: number): Promise<void> {
  await clock.yieldToEventLoop()
  await clock.advance(ms)
}
const first = new Error('first')
const second = new Error('second')

function policy(more: Partial<RetryPolicy> = {}) {
  const clock = new ManualClock(0)
  const made: RetryPolicy = { clock, maxAttempts: 5, isRetriable: () => true, delayMs: () => 10, ...more }
  return { clock, policy: made }
}

describe('retrying', () => {
  it('is not needed if the first attempt succeeds', async () => {
    const { clock, policy: once } = policy()
    expect(await retry(failing(), once)).toBe(1)
    expect(clock.nextTimer).toBeUndefined()
  })

  it('pauses between attempts, depending on the error and the attempt', async () => {
    const delays: unknown[] = []
    const { clock, policy: some } = policy({
      delayMs: (error, attempt) => {
        delays.push([error, attempt])
        return attempt * 100
      },
    })
    const done = retry(failing(first, second), some)
    await advance(clock, 99)
    expect(clock.nextTimer).toBe(100)
    await advance(clock, 201)
    expect(await done).toBe(3)
    expect(delays).toEqual([
      [first, 1],
      [second, 2],
    ])
  })

  it('ends with the error that is not retriable', async () => {
    const { clock, policy: picky } = policy({ isRetriable: (error) => error === first })
    const done = expect(retry(failing(first, second, first), picky)).rejects.toBe(second)
    await advance(clock, 10)
    await done
  })

  it('ends with the last error when all attempts are used up', async () => {
    const { clock, policy: two } = policy({ maxAttempts: 2 })
    const done = expect(retry(failing(first, second), two)).rejects.toBe(second)
    await advance(clock, 10)
    await done
    expect(clock.nextTimer).toBeUndefined()
  })

  it('reports each error that is retried before the pause, and prepares the next attempt after it', async () => {
    const log: string[] = []
    const { clock, policy: loud } = policy({
      onRetry: (error) => log.push((error as Error).message),
      beforeRetry: async () => log.push('prepared'),
      maxAttempts: 2,
    })
    const done = expect(retry(failing(first, second), loud)).rejects.toBe(second)
    await clock.yieldToEventLoop()
    expect(log).toEqual(['first'])
    await advance(clock, 10)
    await done
    expect(log).toEqual(['first', 'prepared'])
  })

  it('ends at once when its signal aborts during a pause', async () => {
    const closing = new AbortController()
    const { clock, policy: until } = policy({ signal: closing.signal })
    const done = expect(retry(failing(first), until)).rejects.toMatchObject({ code: 'LOG_CLOSED', cause: first })
    await clock.yieldToEventLoop()
    closing.abort()
    await done
    expect(clock.nextTimer).toBeUndefined()
  })

  it('reports nothing and ends with the error that occurs after its signal has aborted', async () => {
    const reported: unknown[] = []
    const { policy: over } = policy({ signal: AbortSignal.abort(), onRetry: (error) => reported.push(error) })
    await expect(retry(failing(first), over)).rejects.toBe(first)
    expect(reported).toEqual([])
  })
})

describe('a backoff', () => {
  it('doubles up to its maximum', () => {
    const backoff = exponentialBackoff(100, 5_000)
    expect([1, 2, 3, 6, 7, 100].map(backoff)).toEqual([100, 200, 400, 3_200, 5_000, 5_000])
  })
})

describe('sleeping', () => {
  it('ends after its time', async () => {
    const clock = new ManualClock(0)
    let isOver = false
    sleep(clock, 10).then(() => {
      isOver = true
    })
    await advance(clock, 9)
    expect(isOver).toBe(false)
    await advance(clock, 1)
    expect(isOver).toBe(true)
  })

  it('ends at once with an aborted signal', async () => {
    const clock = new ManualClock(0)
    await sleep(clock, 10, AbortSignal.abort())
    expect(clock.nextTimer).toBeUndefined()
  })
})

describe('waiting for work', () => {
  it.each([
    ['succeeds', () => Promise.resolve()],
    ['fails', () => Promise.reject(new Error('no'))],
  ])('ends when it %s, and leaves no timer behind', async (_, work) => {
    const clock = new ManualClock(0)
    await settledWithin(clock, 10, work())
    expect(clock.nextTimer).toBeUndefined()
  })

  it('ends after a while if the work does not', async () => {
    const clock = new ManualClock(0)
    const done = settledWithin(clock, 10, new Promise(() => {}))
    await advance(clock, 10)
    await done
  })
})
