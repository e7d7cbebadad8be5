import { describe, expect, it } from 'vitest'
import { DeadlineQueue } from '../../src/join/deadline-queue.js'
import { waiterOf } from './waiters.js'

describe('the deadline queue', () => {
  it('returns due waiters in the order of their deadlines, and no more than requested', () => {
    const queue = new DeadlineQueue(0)
    const waiters = [30, 10, 20, 40].map((deadline) => ({ deadline, waiter: waiterOf('k', deadline) }))
    for (const { waiter, deadline } of waiters) queue.add(waiter, deadline)
    expect(queue.next).toBe(10)
    expect(queue.takeDue(9, 10)).toEqual([])
    expect(queue.takeDue(30, 2).map(({ record }) => record.offset)).toEqual([10, 20])
    expect(queue.takeDue(30, 10).map(({ record }) => record.offset)).toEqual([30])
    expect(queue.next).toBe(40)
  })

  it('skips waiters that have left or wait at another join', () => {
    const queue = new DeadlineQueue(0)
    const [gone, elsewhere, here] = [waiterOf('a', 1), waiterOf('b', 2), waiterOf('c', 3)]
    queue.add(gone, 1)
    queue.add(elsewhere, 2)
    queue.add(here, 3)
    gone.hasLeft = true
    elsewhere.join = 1
    expect(queue.next).toBe(3)
    expect(queue.takeDue(9, 9)).toEqual([here])
  })

  it('accepts a waiter again that waited at another join in between', () => {
    const queue = new DeadlineQueue(0)
    const waiter = waiterOf('a', 1)
    queue.add(waiter, 1)
    waiter.join = 1
    expect(queue.next).toBeUndefined()
    waiter.join = 0
    queue.add(waiter, 1)
    expect(queue.takeDue(1, 9)).toEqual([waiter])
  })

  it('contains a waiter once, however often it is added', () => {
    const queue = new DeadlineQueue(0)
    const waiter = waiterOf('a', 1)
    for (let i = 0; i < 3; i++) queue.add(waiter, 1)
    expect(queue.size).toBe(1)
    expect(queue.takeDue(1, 9)).toEqual([waiter])
    expect(queue.size).toBe(0)
  })

  it('stays small when many waiters come and go while one stays', () => {
    const queue = new DeadlineQueue(0)
    const first = waiterOf('first', 0)
    queue.add(first, 0)
    for (let i = 1; i <= 100_000; i++) {
      const waiter = waiterOf('k', i)
      queue.add(waiter, i)
      waiter.hasLeft = true
    }
    expect(queue.size).toBeLessThan(2_000)
    expect(queue.takeDue(Number.POSITIVE_INFINITY, 9)).toEqual([first])
  })
})
