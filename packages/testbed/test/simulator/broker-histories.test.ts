import { expect, it } from 'vitest'
import { Random } from '../../src/simulator/random.js'
import { chooseScenario, type Scenario } from '../../src/simulator/scenario/scenario.js'
import { simulate } from '../../src/simulator/simulate.js'

/** @returns the first seed of joins whose scenario is as wanted */
function seedOf(isWanted: (scenario: Scenario) => boolean): number {
  let seed = 1
  while (!isWanted(chooseScenario(new Random(seed).fork(), 'joins'))) seed++
  return seed
}

it.each<[what: string, isWanted: (scenario: Scenario) => boolean]>([
  ['in which only brokers freeze', ({ onlyFreezes }) => onlyFreezes],
  ['that drains with a frozen broker', ({ endsFrozen, reader }) => endsFrozen && reader === 'kafkajs'],
  ['with brokers of several releases', ({ releases, upgrades }) => new Set(releases).size > 1 && upgrades],
  ['at whose end all brokers lack an API', ({ lacks }) => lacks === 'by all'],
  ['at whose end one broker lacks an API', ({ lacks }) => lacks === 'by one'],
])('a history %s keeps every law', { timeout: 120_000 }, async (_what, isWanted) => {
  const { violations } = await simulate({ seed: seedOf(isWanted), workload: 'joins' })
  expect(violations).toEqual([])
})
