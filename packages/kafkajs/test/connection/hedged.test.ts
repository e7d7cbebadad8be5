import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { hedged } from '../../src/connection/hedged.js'
import { outcomeOf } from '../support/fake-brokers.js'

const DELAY_MS = 500

/** Attempts that a test settles. */
function attempts(count: number) {
  const clock = new ManualClock(0)
  const started: [index: number, at: number][] = []
  const settle: { resolve: (result: string) => void; reject: (error: Error) => void }[] = []
  const all = Array.from({ length: count }, (_, index) => () => {
    started.push([index, clock.monotonic()])
    return new Promise<string>((resolve, reject) => {
      settle[index] = { resolve, reject }
    })
  })
  const outcome = outcomeOf(hedged(all, DELAY_MS, clock))
  return {
    clock,
    started,
    outcome,
    async succeed(index: number, result: string) {
      settle[index]?.resolve(result)
      await clock.yieldToEventLoop()
    },
    async fail(index: number, reason: string) {
      settle[index]?.reject(new Error(reason))
      await clock.yieldToEventLoop()
    },
  }
}

describe('hedged attempts', () => {
  it('start in their order, each once the previous one has taken the delay', async () => {
    const { clock, started } = attempts(3)
    expect(started).toEqual([[0, 0]])
    await clock.advance(499)
    expect(started).toHaveLength(1)
    await clock.advance(5_000)
    expect(started).toEqual([
      [0, 0],
      [1, 500],
      [2, 1_000],
    ])
  })

  it('start at once if the previous one fails, and the delay begins again', async () => {
    const { clock, started, fail } = attempts(3)
    await clock.advance(200)
    await fail(0, 'refused')
    await clock.advance(499)
    expect(started).toEqual([
      [0, 0],
      [1, 200],
    ])
    await clock.advance(1)
    expect(started).toHaveLength(3)
  })

  it('are over with the first success: no other one starts, and later results do not matter', async () => {
    const { clock, started, outcome, succeed, fail } = attempts(3)
    await clock.advance(600)
    await succeed(1, 'second')
    expect(outcome.result).toBe('second')
    await clock.advance(5_000)
    await fail(0, 'refused')
    expect([started.length, outcome.result, clock.nextTimer]).toEqual([2, 'second', undefined])
  })

  it('may succeed after later ones have started', async () => {
    const { clock, outcome, succeed } = attempts(2)
    await clock.advance(600)
    await succeed(0, 'first')
    expect(outcome.result).toBe('first')
  })

  it('fail with all errors in the order of the attempts, as soon as the last one has failed', async () => {
    const { clock, outcome, fail } = attempts(3)
    await clock.advance(1_000)
    await fail(2, 'c')
    await fail(0, 'a')
    expect(outcome.isSettled).toBe(false)
    await fail(1, 'b')
    const { errors } = outcome.error as unknown as AggregateError
    expect(errors.map(({ message }: Error) => message)).toEqual(['a', 'b', 'c'])
    expect(clock.nextTimer).toBeUndefined()
  })

  it('fail at once if there are none', async () => {
    await expect(hedged([], DELAY_MS, new ManualClock(0))).rejects.toMatchObject({ errors: [] })
  })
})
