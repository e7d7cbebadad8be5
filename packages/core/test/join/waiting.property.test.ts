import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeWaiter, encodeWaiter } from '../../src/changelog/waiter-record.js'
import { DeadlineQueue } from '../../src/join/deadline-queue.js'
import { WaitBuffer } from '../../src/join/wait-buffer.js'
import type { Waiter } from '../../src/join/waiter.js'
import { waiterOf } from './waiters.js'

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)))
const time = fc.integer({ min: -1_000, max: Number.MAX_SAFE_INTEGER })
const record = fc.record({
  topic: fc.constant('events'),
  partition: fc.nat(100),
  offset: fc.maxSafeNat(),
  key: bytes,
  value: bytes,
  timestamp: time,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 9 }), bytes), { maxLength: 4 }),
})

const command = fc.oneof(
  fc.record({ does: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c'), atMost: fc.nat(20) }),
  fc.record({ does: fc.constant('leave' as const), key: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ does: fc.constant('move' as const), key: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ does: fc.constant('expire' as const), after: fc.nat(20), limit: fc.nat(3) }),
)

describe('waiting', () => {
  it('an event is restored from its WAITER record unchanged', () => {
    fc.assert(
      fc.property(record, time, (event, arrival) => {
        const stored = encodeWaiter(event, arrival)
        expect(decodeWaiter(stored, event.topic, event.partition, event.offset)).toEqual({ arrival, record: event })
      }),
    )
  })

  it('wait buffer and deadline queues agree with a plain list', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const buffer = new WaitBuffer()
        const queue = new DeadlineQueue(0)
        let model: { key: string; waiter: Waiter; deadline: number; queued: boolean }[] = []
        let now = 0
        commands.forEach((each, offset) => {
          if (each.does === 'add') {
            const waiter = waiterOf(each.key, offset, now, offset + 1)
            buffer.add(each.key, waiter)
            queue.add(waiter, now + each.atMost)
            model.push({ key: each.key, waiter, deadline: now + each.atMost, queued: true })
          } else if (each.does === 'leave') {
            const first = model.find(({ key }) => key === each.key)
            expect(buffer.head(each.key)).toBe(first?.waiter)
            if (first === undefined) return
            buffer.removeHead(each.key)
            model = model.filter((entry) => entry !== first)
          } else if (each.does === 'move') {
            const first = model.find(({ key }) => key === each.key)
            if (first === undefined) return
            const { waiter } = first
            waiter.join = 1 - waiter.join
            if (waiter.join === 0) queue.add(waiter, first.deadline)
            first.queued = waiter.join === 0
          } else {
            now += each.after
            const due = model
              .filter(({ queued, deadline }) => queued && deadline <= now)
              .sort((a, b) => a.deadline - b.deadline)
            const taken = queue.takeDue(now, each.limit)
            expect(taken.length).toBe(Math.min(due.length, each.limit))
            const entries = taken.map((waiter) => due.find((entry) => entry.waiter === waiter))
            expect(entries.map((entry) => entry?.deadline)).toEqual(
              due.slice(0, taken.length).map(({ deadline }) => deadline),
            )
            for (const entry of entries) if (entry !== undefined) entry.queued = false
          }
          expect(buffer.count).toBe(model.length)
          expect(buffer.bytes).toBe(model.reduce((sum, { waiter }) => sum + waiter.bytes, 0))
          const arrivals = model.map(({ waiter }) => waiter.arrival)
          expect(buffer.oldestArrival).toBe(arrivals.length === 0 ? undefined : Math.min(...arrivals))
          const open = model.filter(({ queued }) => queued).map(({ deadline }) => deadline)
          expect(queue.next).toBe(open.length === 0 ? undefined : Math.min(...open))
        })
      }),
      { numRuns: 1_000 },
    )
  })
})
