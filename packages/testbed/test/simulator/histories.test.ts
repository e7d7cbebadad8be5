import { describe, expect, it } from 'vitest'
import { MIN_FAULTS, MIN_STEPS, simulate } from '../../src/simulator/simulate.js'

describe.each(['calls', 'joins'] as const)('a history of %s', (workload) => {
  it.each([1, 2, 3, 4])('keeps every law: seed %i', { timeout: 30_000 }, async (seed) => {
    const { violations, steps, faults } = await simulate({ seed, workload })
    expect(violations).toEqual([])
    expect(steps).toBeGreaterThanOrEqual(MIN_STEPS)
    expect(faults.length).toBeGreaterThanOrEqual(MIN_FAULTS)
  })
})
