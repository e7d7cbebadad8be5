import { describe, expect, it } from 'vitest'
import { type InternalPhase, nextPhase } from '../../src/task/task-phase.js'

const PHASES: readonly InternalPhase[] = ['opening', 'restoring', 'loading', 'running', 'ended']
const LEGAL: readonly string[] = [
  'opening>restoring',
  'restoring>loading',
  'loading>running',
  // a commit failed, or an error that passes
  'opening>opening',
  'restoring>opening',
  'loading>opening',
  'running>opening',
  // closed, revoked for good, or it cannot go on
  'opening>ended',
  'restoring>ended',
  'loading>ended',
  'running>ended',
  'ended>ended',
]

describe('the phases of a task', () => {
  it.each(PHASES.flatMap((from) => PHASES.map((to) => [from, to] as const)))('from %s to %s', (from, to) => {
    if (LEGAL.includes(`${from}>${to}`)) expect(nextPhase(from, to)).toBe(to)
    else expect(() => nextPhase(from, to)).toThrow(`a task cannot go from ${from} to ${to}`)
  })
})
