import { describe, expect, it } from 'vitest'
import { OwnedPartitions } from '../../src/membership/owned-partitions.js'

const at = (generationId: number) => ({ memberId: 'm', generationId })

describe('the partitions that a member owns', () => {
  it('continue in the new generation, as the same object, if they stay', () => {
    const owned = new OwnedPartitions()
    owned.assign([0, 1], at(1))
    const kept = owned.get(1)
    expect(kept?.generation).toEqual(at(1))
    owned.assign([1, 2], at(2))
    expect(owned.get(1)).toBe(kept)
    expect(kept?.generation).toEqual(at(2))
    expect(owned.get(2)?.generation).toEqual(at(2))
  })

  it('have no generation once they are gone, also when they come back', () => {
    const owned = new OwnedPartitions()
    owned.assign([0, 1], at(1))
    const gone = owned.get(0)
    owned.assign([1], at(2))
    expect([gone?.generation, owned.get(0)]).toEqual([undefined, undefined])
    owned.assign([0, 1], at(3))
    expect(gone?.generation).toBeUndefined()
    expect(owned.get(0)?.generation).toEqual(at(3))
  })

  it('are all gone when the membership is', () => {
    const owned = new OwnedPartitions()
    owned.assign([0, 1], at(1))
    const [first, second] = [owned.get(0), owned.get(1)]
    owned.clear()
    expect([first?.generation, second?.generation, owned.get(0)]).toEqual([undefined, undefined, undefined])
  })
})
