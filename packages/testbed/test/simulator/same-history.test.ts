import { expect, it } from 'vitest'
import { simulate } from '../../src/simulator/simulate.js'

it.each(['calls', 'joins'] as const)(
  'a seed of %s plays the same history each time',
  { timeout: 60_000 },
  async (machine) => {
    const [first, second] = [await simulate({ seed: 5, machine }), await simulate({ seed: 5, machine })]
    expect(second.hash).toBe(first.hash)
    expect((await simulate({ seed: 6, machine })).hash).not.toBe(first.hash)
  },
)
