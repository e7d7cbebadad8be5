import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignSticky } from '../../src/log.js'

const groups = fc.record({
  tasks: fc.integer({ min: 0, max: 20 }),
  ownedTasks: fc.array(fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
})

describe('sticky assignment', () => {
  it('assigns each task to one member, and the numbers of tasks differ by at most one', () => {
    fc.assert(
      fc.property(groups, ({ tasks, ownedTasks }) => {
        const given = assignSticky(
          ownedTasks.map((some, i) => ({ id: `m${i}`, ownedTasks: some })),
          tasks,
        )
        const all = [...given.values()].flat().sort((a, b) => a - b)
        expect(all).toEqual(Array.from({ length: tasks }, (_, task) => task))
        const sizes = Array.from(given.values(), (mine) => mine.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('moves no task if the assignment is already balanced', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 20 }), (members, tasks) => {
        const fresh = Array.from({ length: members }, (_, i) => ({ id: `m${i}`, ownedTasks: [] }))
        const first = assignSticky(fresh, tasks)
        const again = assignSticky(
          fresh.map(({ id }) => ({ id, ownedTasks: first.get(id) ?? [] })),
          tasks,
        )
        expect(again).toEqual(first)
      }),
    )
  })
})
