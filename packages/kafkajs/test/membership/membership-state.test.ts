import { describe, expect, it } from 'vitest'
import { checkTransition, type MembershipState } from '../../src/membership/membership-state.js'

const STATES: readonly MembershipState[] = ['joining', 'member', 'revoking', 'lost', 'failed', 'left']

describe('the states of a membership', () => {
  it.each<[MembershipState, readonly MembershipState[]]>([
    ['joining', ['member', 'failed', 'left']],
    ['member', ['revoking', 'lost', 'failed', 'left']],
    ['revoking', ['joining', 'lost', 'failed', 'left']],
    ['lost', ['member', 'joining', 'failed', 'left']],
    ['failed', ['left']],
    ['left', []],
  ])('follow each other as the diagram shows: from %s to %j', (from, expected) => {
    const allowed = STATES.filter((to) => {
      try {
        checkTransition(from, to)
        return true
      } catch (error) {
        expect(String(error)).toContain(`a membership cannot go from ${from} to ${to}`)
        return false
      }
    })
    expect(new Set(allowed)).toEqual(new Set(expected))
  })
})
