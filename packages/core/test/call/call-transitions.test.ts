import { describe, expect, it } from 'vitest'
import { checkCallTransition } from '../../src/call/call-transitions.js'

const STATES = ['ready', 'claimed', 'in-doubt', 'done', 'abandoned'] as const
const LEGAL: readonly string[] = [
  'undefined>ready',
  'ready>claimed',
  'claimed>done',
  'claimed>ready',
  'claimed>in-doubt',
  'in-doubt>done',
  'in-doubt>ready',
  'in-doubt>abandoned',
  // the claimant reports that it sends nothing more
  'in-doubt>in-doubt',
  // the request of a former claim was made after all
  'ready>done',
  // a changed pipeline does not ask for the call
  'ready>abandoned',
]

describe('the transitions of a call', () => {
  it.each([undefined, ...STATES].flatMap((from) => STATES.map((to) => [from, to] as const)))(
    'from %s to %s',
    (from, to) => {
      const check = () => checkCallTransition(from, to)
      if (LEGAL.includes(`${from}>${to}`)) expect(check).not.toThrow()
      else expect(check).toThrow(`a call cannot go from ${from ?? 'nothing'} to ${to}`)
    },
  )
})
