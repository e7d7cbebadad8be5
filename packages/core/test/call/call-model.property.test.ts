import { describe, expect, it } from 'vitest'
import { explore, type Faults, type Scenario } from './call-model.js'

const QUIET: Faults = { crash: 0, commit: 0, move: 0, pause: 0, notSent: 0, lostReply: 0, decide: 0, twice: 0 }
const world = (faults: Partial<Faults>, more: Partial<Scenario> = {}): Scenario => ({
  inputs: [['a', 1]],
  keys: { a: 'k', b: 'l' },
  processes: 2,
  concurrency: 2,
  blocks: false,
  claims: 2,
  ...more,
  faults: { ...QUIET, ...faults },
})
const two: Partial<Scenario> = {
  inputs: [
    ['a', 1],
    ['b', 1],
  ],
}
const oneKey: Partial<Scenario> = { ...two, keys: { a: 'k', b: 'k' }, blocks: true }

describe('in every interleaving there is at most one request, one result and one record in doubt, and nothing is lost, with', () => {
  it.each<[string, Scenario]>([
    ['a crash, an unclear commit and a lost answer', world({ crash: 1, commit: 1, lostReply: 1 })],
    ['a task that moves, and a pause', world({ move: 1, pause: 1, commit: 1 })],
    ['a task that moves twice', world({ move: 2, commit: 1 })],
    ['a request that could not be sent', world({ crash: 1, pause: 1, notSent: 1 }, { claims: 3 })],
    [
      'repetitions and a conflict',
      world(
        { crash: 1, commit: 1 },
        {
          inputs: [
            ['a', 1],
            ['a', 1],
            ['a', 2],
          ],
        },
      ),
    ],
    ['two calls, one at a time', world({ crash: 1, move: 1 }, { ...two, concurrency: 1, claims: 3 })],
    ['two calls at once', world({ commit: 1, crash: 1 }, { ...two, processes: 1, claims: 6 })],
    ['decisions', world({ crash: 1, move: 1, decide: 1, notSent: 1 })],
    ['decisions, and unclear commits', world({ crash: 1, commit: 1, decide: 1 })],
    [
      'two decisions, and reports that come twice',
      world({ crash: 1, decide: 2, twice: 1, lostReply: 1 }, { processes: 1 }),
    ],
    ['late reports', world({ move: 1, lostReply: 1, decide: 1, twice: 1 })],
    ['two calls of one key that block', world({ move: 1, crash: 1, decide: 1 }, oneKey)],
  ])('%s', (_, scenario) => {
    const { states, violations } = explore(scenario)
    expect(Object.fromEntries(violations)).toEqual({})
    expect(states).toBeGreaterThan(100)
  })
})

describe('the model detects an owner that', () => {
  it.each<[NonNullable<Scenario['mistake']>, Partial<Faults>]>([
    ['calls before the claim is acknowledged', { commit: 1 }],
    ['forgets running calls when it opens again', { commit: 1 }],
    ['declares a claim in doubt before reports are read', { move: 2 }],
  ])('%s', (mistake, faults) => {
    expect(explore(world(faults, { mistake })).violations.size).toBeGreaterThan(0)
  })
})
