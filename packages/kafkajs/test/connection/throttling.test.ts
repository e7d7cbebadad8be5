import { ManualClock } from '@joinery/core/testing'
import { describe, expect, it } from 'vitest'
import { Throttling } from '../../src/connection/throttling.js'

function throttling() {
  const clock = new ManualClock(0)
  return { clock, throttling: new Throttling(clock) }
}

describe('throttling', () => {
  it('is the sum of all throttle times', () => {
    const { throttling: some } = throttling()
    expect(some.totalMs).toBe(0)
    some.add(100)
    some.add(250)
    expect(some.totalMs).toBe(350)
  })

  it('passes once for several brokers at the same time', async () => {
    const { clock, throttling: some } = throttling()
    some.add(1_000)
    some.add(400)
    await clock.advance(600)
    expect(some.passedMs).toBe(600)
    some.add(1_000)
    await clock.advance(5_000)
    some.add(200)
    expect(some.passedMs).toBe(1_600)
    await clock.advance(5_000)
    expect([some.passedMs, some.totalMs]).toEqual([1_800, 2_600])
  })

  it('is not a problem when it is short', async () => {
    const { clock, throttling: short } = throttling()
    expect(short.problems).toEqual([])
    short.add(5_000)
    await clock.advance(9_000)
    expect(short.problems).toEqual([])
    await clock.advance(60_000)
    expect(short.problems).toEqual([])
  })

  it('is not a problem when it happens every quarter of a minute', async () => {
    const { clock, throttling: rare } = throttling()
    for (let i = 0; i < 10; i++) {
      rare.add(100)
      await clock.advance(15_000)
      expect(rare.problems).toEqual([])
    }
  })

  it('is a problem when it lasts, until it has ended for a while', async () => {
    const { clock, throttling: lasting } = throttling()
    for (let second = 0; second < 30; second++) {
      lasting.add(500)
      await clock.advance(1_000)
      if (second < 8) expect(lasting.problems).toEqual([])
    }
    expect(lasting.problems).toEqual([expect.stringMatching(/throttled this client for 30 s: raise its quota/)])
    await clock.advance(15_000)
    expect(lasting.problems).toEqual([])
  })

  it('is not a problem for a single throttle time that ends', async () => {
    const { clock, throttling: single } = throttling()
    single.add(1_000)
    await clock.advance(10_500)
    expect(single.problems).toEqual([])
  })
})
