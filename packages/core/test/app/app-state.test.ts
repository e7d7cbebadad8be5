import { describe, expect, it } from 'vitest'
import { type AppState, nextState } from '../../src/app/app-state.js'

const STATES: readonly AppState[] = ['starting', 'restoring', 'running', 'rebalancing', 'closing', 'closed', 'failed']
const LEGAL: readonly string[] = [
  // the first assignment: with tasks, without; or none before the group revokes tasks
  'starting>restoring',
  'starting>running',
  'starting>rebalancing',
  'restoring>running',
  'running>restoring',
  'restoring>rebalancing',
  'running>rebalancing',
  // assigned again: a task has to be opened, or all of them run
  'rebalancing>restoring',
  'rebalancing>running',
  'starting>closing',
  'restoring>closing',
  'running>closing',
  'rebalancing>closing',
  'closing>closed',
  'starting>failed',
  'restoring>failed',
  'running>failed',
  'rebalancing>failed',
  'closing>failed',
]

describe('the states of an application', () => {
  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))('from %s to %s', (from, to) => {
    if (LEGAL.includes(`${from}>${to}`)) expect(nextState(from, to)).toBe(to)
    else expect(() => nextState(from, to)).toThrow(`an application cannot go from ${from} to ${to}`)
  })
})
