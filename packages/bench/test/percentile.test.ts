import { expect, it } from 'vitest'
import { percentile } from '../src/percentile.js'

const oneToHundred = Array.from({ length: 100 }, (_, i) => i + 1)

it.each([
  { share: 0.5, expected: 50 },
  { share: 0.99, expected: 99 },
  { share: 1, expected: 100 },
  { share: 0, expected: 1 },
])('the percentile $share of 1 to 100 is $expected: the nearest rank', ({ share, expected }) => {
  expect(percentile(oneToHundred, share)).toBe(expected)
})

it('the median of an even number of values is the lower one in the middle', () => {
  expect(percentile([1, 2, 8, 9], 0.5)).toBe(2)
})

it('one value is every percentile', () => {
  expect([0, 0.5, 0.99, 1].map((share) => percentile([7], share))).toEqual([7, 7, 7, 7])
})

it('no values have no percentile', () => {
  expect(percentile([], 0.5)).toBeUndefined()
})
