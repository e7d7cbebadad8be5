import { describe, expect, it } from 'vitest'
import { CANARIES } from '../../src/simulator/canaries/canaries.js'
import { editedSources } from '../../src/simulator/canaries/hatch-canary.js'

describe('canaries', () => {
  it('have names of their own', () => {
    expect(new Set(CANARIES.map(({ name }) => name)).size).toBe(CANARIES.length)
  })

  it.each(CANARIES)('$name: its place in the source is there once', async (canary) => {
    expect((await editedSources(canary)).size).toBeGreaterThan(0)
  })
})
