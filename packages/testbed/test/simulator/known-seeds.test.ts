import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CANARIES } from '../../src/simulator/canaries/canaries.js'
import { type KnownSeeds, withTable } from '../../src/simulator/canaries/known-seeds.js'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const known = JSON.parse(read('../../src/simulator/canaries/known-seeds.json')) as KnownSeeds

describe('the known seeds', () => {
  it('catch every canary, each within 2000 seeds', () => {
    expect(Object.keys(known)).toEqual(CANARIES.map(({ name }) => name))
    expect(Object.values(known).filter(({ seed }) => seed > 2_000)).toEqual([])
  })

  it('are the table of docs/testing.md', () => {
    const document = read('../../../../docs/testing.md')
    expect(document).toBe(withTable(document, known))
  })
})
