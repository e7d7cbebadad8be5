import { describe, expect, it } from 'vitest'
import { MUTANTS } from '../../../src/simulator/mutants/mutants.js'
import { mutatedSources } from '../../../src/simulator/mutants/mutated-sources.js'

describe('mutants', () => {
  it('have unique names', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length)
  })

  it('find each text that they change exactly once', async () => {
    const mutated = await Promise.all(MUTANTS.map(mutatedSources))
    expect(mutated.flatMap(({ stale }) => stale).join('\n')).toBe('')
  })
})
