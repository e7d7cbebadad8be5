import { expect, it } from 'vitest'
import { Schedule } from '../../src/open-loop/schedule.js'

it('the events of a rate are due at equal distances', () => {
  const schedule = new Schedule(200, 1_000)
  expect([0, 1, 2, 200].map((index) => schedule.dueAt(index))).toEqual([1_000, 1_005, 1_010, 2_000])
})

it('an event is due from its time on', () => {
  const schedule = new Schedule(200, 1_000)
  expect([999, 1_000, 1_004.9, 1_005, 1_009, 1_010].map((now) => schedule.countDueBy(now))).toEqual([0, 1, 1, 2, 2, 3])
})

it.each([3, 7, 300, 2_000, 9_999])(
  'with %i events per second, exactly the events before are due at the time of one',
  (rate) => {
    const schedule = new Schedule(rate, 123.456)
    const indexes = Array.from({ length: 5_000 }, (_, index) => index)
    expect(indexes.filter((index) => schedule.countDueBy(schedule.dueAt(index)) !== index + 1)).toEqual([])
  },
)

it.each([0, -1, Number.NaN])('a rate of %d is refused', (rate) => {
  expect(() => new Schedule(rate, 0)).toThrow('use a number above 0')
})
