import { describe, expect, it } from 'vitest'
import { WaitBuffer } from '../../src/join/wait-buffer.js'
import { waiterOf } from './waiters.js'

describe('the wait buffer', () => {
  it('is a FIFO for each key, and counts events and bytes over all of them', () => {
    const buffer = new WaitBuffer()
    const [a1, b1, a2] = [waiterOf('a', 1, 10, 5), waiterOf('b', 2, 20, 7), waiterOf('a', 3, 30, 11)]
    buffer.add('a', a1)
    buffer.add('b', b1)
    buffer.add('a', a2)
    expect([buffer.count, buffer.bytes, buffer.oldestArrival]).toEqual([3, 23, 10])
    expect([...buffer.heads()]).toEqual([a1, b1])
    buffer.removeHead('a')
    expect([a1.hasLeft, buffer.head('a'), buffer.head('b')]).toEqual([true, a2, b1])
    expect([buffer.count, buffer.bytes, buffer.oldestArrival]).toEqual([2, 18, 20])
  })

  it('removes all events of one key in order, however many', () => {
    const buffer = new WaitBuffer()
    const waiters = Array.from({ length: 100_000 }, (_, offset) => waiterOf('k', offset))
    for (const waiter of waiters) buffer.add('k', waiter)
    const left: number[] = []
    for (let head = buffer.head('k'); head !== undefined; head = buffer.head('k')) {
      left.push(head.record.offset)
      buffer.removeHead('k')
    }
    expect(left).toEqual(waiters.map(({ record }) => record.offset))
    expect(waiters.every(({ hasLeft, next }) => hasLeft && next === undefined)).toBe(true) // one must not keep the others alive
  })

  it('has no entry for a key whose last event has left', () => {
    const buffer = new WaitBuffer()
    buffer.add('a', waiterOf('a', 1))
    expect(buffer.has('a')).toBe(true)
    buffer.removeHead('a')
    expect([buffer.has('a'), buffer.head('a'), buffer.count, buffer.bytes]).toEqual([false, undefined, 0, 0])
    expect(buffer.oldestArrival).toBeUndefined()
  })
})
