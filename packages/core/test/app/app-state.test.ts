import { describe, expect, it } from 'vitest'
import { type AppState, nextState } from '../../src/app/app-state.js'

const AT_WORK: readonly AppState[] = ['starting', 'restoring', 'running', 'rebalancing']
const STATES: readonly AppState[] = [...AT_WORK, 'closing', 'closed', 'failed']

function isLegal(from: AppState, to: AppState): boolean {
  if (from === 'closed' || from === 'failed') return false
  if (from === 'closing') return to === 'closed' || to === 'failed'
  return to !== 'starting' && to !== 'closed'
}

describe('the states of an application', () => {
  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))('from %s to %s', (from, to) => {
    if (isLegal(from, to)) expect(nextState(from, to)).toBe(to)
    else expect(() => nextState(from, to)).toThrow(`an application cannot go from ${from} to ${to}`)
  })
})
