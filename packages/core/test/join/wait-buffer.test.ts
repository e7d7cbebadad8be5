import { describe, expect, it } from 'vitest'
import { WaitBuffer } from '../../src/join/wait-buffer.js'
import { waiterOf } from './waiters.js'

describe('the wait buffer', () => {
  it('is a FIFO for each key, and counts events and bytes over all of them', () => {
    const room = new WaitBuffer()
    const [a1, b1, a2] = [waiterOf('a', 1, 10, 5), waiterOf('b', 2, 20, 7), waiterOf('a', 3, 30, 11)]
    room.add('a', a1)
    room.add('b', b1)
    room.add('a', a2)
    expect([room.count, room.bytes, room.oldestArrival]).toEqual([3, 23, 10])
    expect([...room.heads()]).toEqual([a1, b1])
    room.removeHead('a')
    expect([a1.hasLeft, room.head('a'), room.head('b')]).toEqual([true, a2, b1])
    expect([room.count, room.bytes, room.oldestArrival]).toEqual([2, 18, 20])
  })

  it('removes all events of one key in order, however many', () => {
    const room = new WaitBuffer()
    const waiters = Array.from({ length: 100_000 }, (_, offset) => waiterOf('k', offset))
    for (const waiter of waiters) room.add('k', waiter)
    const left: number[] = []
    for (let head = room.head('k'); head !== undefined; head = room.head('k')) {
      left.push(head.record.offset)
      room.removeHead('k')
    }
    expect(left).toEqual(waiters.map(({ record }) => record.offset))
    expect(waiters.every(({ hasLeft, next }) => hasLeft && next === undefined)).toBe(true) // one must not keep the others alive
  })

  it('has no entry for a key whose last event has left', () => {
    const room = new WaitBuffer()
    room.add('a', waiterOf('a', 1))
    expect(room.has('a')).toBe(true)
    room.removeHead('a')
    expect([room.has('a'), room.head('a'), room.count, room.bytes]).toEqual([false, undefined, 0, 0])
    expect(room.oldestArrival).toBeUndefined()
  })
})
