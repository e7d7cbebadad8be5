import { describe, expect, it } from 'vitest'
import { taskPauses } from '../../src/crash/rebalance-pauses.js'

describe('the pause of a rebalance', () => {
  const before = new Map([
    [0, 'a'],
    [1, 'a'],
  ])
  const after = new Map([
    [0, 'a'],
    [1, 'b'],
  ])

  it('is the longest time between two commits of a task, by whether it moved', () => {
    const commits = [
      [900, 1_000, 1_100, 1_300, 1_400],
      [900, 990, 1_600, 1_700],
    ]
    expect(taskPauses([{ from: 1_000, to: 1_650, before, after }], commits)).toEqual({
      moved: [610],
      stayed: [200],
    })
  })

  it('includes pauses that start before it or end after it, and no others', () => {
    const commits = [
      [0, 500, 1_500, 9_000],
      [1_000, 1_010],
    ]
    expect(taskPauses([{ from: 1_000, to: 1_200, before, after }], commits)).toEqual({
      moved: [10],
      stayed: [1_000],
    })
  })

  it('is reported for each rebalance', () => {
    const steady = [0, 100, 200, 300]
    const rebalance = { from: 50, to: 250, before, after: before }
    expect(taskPauses([rebalance, rebalance], [steady, steady])).toEqual({
      moved: [],
      stayed: [100, 100, 100, 100],
    })
  })
})
