import { describe, expect, it } from 'vitest'
import { planFaults } from '../../../src/demo/traffic/fault-plan.js'

const faultsOf = (calls: number) => {
  const { behaviour, stopAt } = planFaults(calls)
  const all = Array.from({ length: calls }, (_, i) => behaviour(i + 1))
  return { stopAt, all, faults: all.filter((action) => action !== 'respond') }
}

describe('the plan of faults', () => {
  it('has each kind once, then a call that hangs, in which service B is stopped in the middle', () => {
    const { stopAt, all, faults } = faultsOf(284)
    expect(stopAt).toBe(142)
    expect(all[141]).toBe('hang')
    expect(faults).toEqual(['hang', 'slow', 'reset-before', 'redirect', 'reset-after', 'fail', 'hang'])
    expect(all.slice(142).every((action) => action === 'respond')).toBe(true)
  })

  it('stops service B however few calls there are', () => {
    for (let calls = 1; calls < 20; calls++) {
      const { stopAt = 0, all } = faultsOf(calls)
      expect(stopAt).toBeGreaterThan(0)
      expect(all[stopAt - 1]).toBe('hang')
    }
    expect(planFaults(0).stopAt).toBeUndefined()
  })
})
