import { describe, expect, it } from 'vitest'
import { addTotals, copyTotals, newTotals } from '../../src/outcome/totals.js'

const some = () => ({
  ...newTotals(),
  in: 4,
  emitted: 1,
  waiting: 1,
  clamped: 1,
  dropped: { 'no-row': 1 },
  deadLettered: { 'too-large': 1 },
  joined: { toString: 1 },
  unmatched: { t: 2 },
  olderThanRetention: { out: 3 },
})

describe('totals', () => {
  it('add up over tasks, by reason and by join', () => {
    const sum = newTotals()
    addTotals(sum, some())
    addTotals(sum, { ...some(), dropped: { 'null-key': 2 } })
    expect(sum).toEqual({
      in: 8,
      emitted: 2,
      waiting: 2,
      clamped: 2,
      dropped: { 'no-row': 1, 'null-key': 2 },
      deadLettered: { 'too-large': 2 },
      joined: { toString: 2 },
      unmatched: { t: 4 },
      olderThanRetention: { out: 6 },
    })
  })

  it('do not change once copied', () => {
    const totals = some()
    const copy = copyTotals(totals)
    addTotals(totals, some())
    expect(copy).toEqual(some())
  })
})
