import { expect, it } from 'vitest'
import { type GroupCommitPhase, nextPhase } from '../../../src/writer/group-commit/group-commit-phase.js'

const PHASES: readonly GroupCommitPhase[] = ['idle', 'writing', 'ending', 'aborted', 'unclear']
const TRANSITIONS = new Set([
  'idle writing',
  'writing ending',
  'writing aborted',
  'ending idle',
  'ending unclear',
  'aborted aborted',
  'aborted idle',
  'unclear idle',
])

it.each(PHASES.flatMap((from) => PHASES.map((to) => [from, to] as const)))(
  'a group commit goes from %s to %s only as the diagram says',
  (from, to) => {
    if (TRANSITIONS.has(`${from} ${to}`)) expect(nextPhase(from, to)).toBe(to)
    else expect(() => nextPhase(from, to)).toThrow(`a group commit cannot go from ${from} to ${to}`)
  },
)
