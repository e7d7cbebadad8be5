import { describe, expect, it } from 'vitest'
import { InputPartition } from '../../../src/task/input-partition.js'
import { lastingProblems } from '../../../src/task/stall/lasting-problems.js'

function inputAt(next: number) {
  return new InputPartition('events', 2, 0, next)
}

describe('a transaction of another producer', () => {
  it('holds up an input that has reached its first record', () => {
    const input = inputAt(7)
    input.observe({ lastStableOffset: 7, highWatermark: 18 }, 1_000)
    expect(input.openTransaction).toEqual({ offset: 7, heldOffsets: 11, since: 1_000 })
    input.observe({ lastStableOffset: 7, highWatermark: 20 }, 2_000)
    expect(input.openTransaction).toEqual({ offset: 7, heldOffsets: 13, since: 1_000 })
  })

  it('does not while there are records before it', () => {
    const input = inputAt(6)
    input.observe({ lastStableOffset: 7, highWatermark: 18 }, 0)
    expect(input.openTransaction).toBeUndefined()
  })

  it('is another one if the last stable offset has moved, and none at the high watermark', () => {
    const input = inputAt(7)
    input.observe({ lastStableOffset: 7, highWatermark: 18 }, 0)
    input.next = 9
    input.observe({ lastStableOffset: 9, highWatermark: 18 }, 60_000)
    expect(input.openTransaction).toEqual({ offset: 9, heldOffsets: 9, since: 60_000 })
    input.observe({ lastStableOffset: 18, highWatermark: 18 }, 61_000)
    expect(input.openTransaction).toBeUndefined()
    input.observe({ lastStableOffset: 9, highWatermark: 18 }, 62_000)
    input.observe(undefined, 63_000)
    expect(input.openTransaction).toBeUndefined()
  })

  it('is a problem after ten seconds, with the command that ends it', () => {
    const input = inputAt(7)
    input.observe({ lastStableOffset: 7, highWatermark: 8 }, 1_000)
    expect(lastingProblems([input], undefined, 10_999, 60_000)).toEqual([])
    expect(lastingProblems([input], undefined, 11_000, 60_000)).toEqual([
      'a transaction of another producer has been open for 10 s at offset 7 of events[2], and 1 offset cannot be read before it ends: if its producer is gone, run kafka-transactions.sh --bootstrap-server BROKERS abort --topic events --partition 2 --start-offset 7',
    ])
  })
})

describe('a store that does not respond', () => {
  it('is a problem after five seconds', () => {
    const call = { what: 'getMany of store rows[0]', since: 1_000 }
    expect(lastingProblems([], call, 5_999, 60_000)).toEqual([])
    expect(lastingProblems([], call, 6_000, 60_000)).toEqual([
      'waiting for getMany of store rows[0], which has taken 5 s: check the service or the disk behind it',
    ])
  })
})
