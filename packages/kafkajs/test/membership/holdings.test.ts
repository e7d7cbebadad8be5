import { describe, expect, it } from 'vitest'
import { Holdings } from '../../src/membership/holdings.js'

const at = (generationId: number) => ({ memberId: 'm', generationId })

describe('the tasks of a member', () => {
  it('that stay go on in the new generation, as the same holding', () => {
    const holdings = new Holdings()
    holdings.assign([0, 1], at(1))
    const kept = holdings.get(1)
    expect(kept?.member).toEqual(at(1))
    holdings.assign([1, 2], at(2))
    expect(holdings.get(1)).toBe(kept)
    expect(kept?.member).toEqual(at(2))
    expect(holdings.get(2)?.member).toEqual(at(2))
  })

  it('that went are nobody here any more, also when they come back', () => {
    const holdings = new Holdings()
    holdings.assign([0, 1], at(1))
    const gone = holdings.get(0)
    holdings.assign([1], at(2))
    expect([gone?.member, holdings.get(0)]).toEqual([undefined, undefined])
    holdings.assign([0, 1], at(3))
    expect(gone?.member).toBeUndefined()
    expect(holdings.get(0)?.member).toEqual(at(3))
  })

  it('are all gone when the membership is', () => {
    const holdings = new Holdings()
    holdings.assign([0, 1], at(1))
    const [first, second] = [holdings.get(0), holdings.get(1)]
    holdings.lose()
    expect([first?.member, second?.member, holdings.get(0)]).toEqual([undefined, undefined, undefined])
  })
})
