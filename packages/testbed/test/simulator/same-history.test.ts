import { expect, it } from 'vitest'
import { simulate } from '../../src/simulator/simulate.js'

it.each(['calls', 'joins'] as const)(
  'a seed of %s always gives the same history',
  { timeout: 60_000 },
  async (workload) => {
    const [first, second] = [await simulate({ seed: 5, workload }), await simulate({ seed: 5, workload })]
    expect(second.hash).toBe(first.hash)
    expect((await simulate({ seed: 6, workload })).hash).not.toBe(first.hash)
  },
)
