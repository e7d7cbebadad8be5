import { describe, expect, it } from 'vitest'
import { BlockedRecords } from '../../../src/task/blocked/blocked-records.js'
import { blockingClock } from './blocking-clock.js'

const PLACE = { of: 'pipeline events', topic: 'events', partition: 0 }
const other = { ...PLACE, partition: 1 }

function blocking(sessionMs = 10_000) {
  const { clock, block } = blockingClock()
  let turns = 0
  const yieldToEventLoop = () => {
    turns++
    return clock.yieldToEventLoop()
  }
  const blocked = new BlockedRecords({ ...clock, yieldToEventLoop }, sessionMs, () => {})
  const ran = (ms: number) => {
    blocked.begin()
    block(ms)
    blocked.ended(PLACE, 0, 1)
  }
  const sizes = (of = PLACE) => Array.from({ length: 5 }, () => blocked.chunkOf(of).next())
  return { blocked, ran, sizes, turns: () => turns }
}

describe('the records between two reads of the clock', () => {
  it.each([
    [10_000, 900, [8, 8, 8, 8, 8]],
    [10_000, 1_000, [1, 1, 1, 1, 1]],
    [60_000, 1_000, [1, 1, 1, 1, 1]],
    [3_000, 300, [1, 1, 1, 1, 1]],
  ])('with a session of %i ms, once some have taken %i ms: %j', (sessionMs, ms, expected) => {
    const { ran, sizes } = blocking(sessionMs)
    expect(sizes()).toEqual([1, 2, 4, 8, 8])
    ran(ms)
    expect(sizes()).toEqual(expected)
    expect(sizes(other)).toEqual([1, 2, 4, 8, 8])
  })
})

describe('the event loop', () => {
  it('gets its turn once functions have run for 100 ms, together or one of them', async () => {
    const { blocked, ran, turns } = blocking()
    ran(1_000)
    await blocked.pauseIfDue()
    expect(turns()).toBe(1)
    for (const _ of Array.from({ length: 9 })) {
      ran(10)
      expect(blocked.pauseIfDue()).toBeUndefined()
    }
    ran(20)
    await blocked.pauseIfDue()
    expect([turns(), blocked.pauseIfDue()]).toEqual([2, undefined])
    ran(500)
    await blocked.pauseIfDue()
    expect(turns()).toBe(3)
  })
})
