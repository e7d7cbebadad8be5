import { describe, expect, it } from 'vitest'
import { silences } from '../../src/crash/rebalance-silence.js'

describe('the silence of a rebalance', () => {
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
    expect(silences([{ from: 1_000, to: 1_650, before, after }], commits)).toEqual({ moved: [610], kept: [200] })
  })

  it('counts what began before it and ends after it, and nothing else', () => {
    const commits = [
      [0, 500, 1_500, 9_000],
      [1_000, 1_010],
    ]
    expect(silences([{ from: 1_000, to: 1_200, before, after }], commits)).toEqual({ moved: [10], kept: [1_000] })
  })

  it('is told of each rebalance', () => {
    const steady = [0, 100, 200, 300]
    const rebalance = { from: 50, to: 250, before, after: before }
    expect(silences([rebalance, rebalance], [steady, steady])).toEqual({ moved: [], kept: [100, 100, 100, 100] })
  })
})
