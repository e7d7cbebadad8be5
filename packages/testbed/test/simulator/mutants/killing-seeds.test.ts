import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type KillingSeeds, withTable } from '../../../src/simulator/mutants/killing-seeds.js'
import { MUTANTS } from '../../../src/simulator/mutants/mutants.js'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const seeds = JSON.parse(read('../../../src/simulator/mutants/killing-seeds.json')) as KillingSeeds

describe('the killing seeds', () => {
  it('cover every mutant, each within 2000 seeds', () => {
    expect(Object.keys(seeds)).toEqual(MUTANTS.map(({ name }) => name))
    expect(Object.values(seeds).filter(({ seed }) => seed > 2_000)).toEqual([])
  })

  it('are the table of docs/seeded-bugs.md', () => {
    const document = read('../../../../../docs/seeded-bugs.md')
    expect(document).toBe(withTable(document, seeds))
  })
})
