import { describe, expect, it } from 'vitest'
import { decodeStorePosition, encodeStorePosition, isStale } from '../../src/changelog/store-position.js'

const HOUR = 3_600_000

describe('the position of a store', () => {
  it.each([{}, { leaderEpoch: 0 }, { leaderEpoch: 7 }])('is read back unchanged: %j', (more) => {
    const position = { topic: 'id of a topic', offset: Number.MAX_SAFE_INTEGER, ...more, caughtUpAt: 1_700_000_000_000 }
    expect(decodeStorePosition(encodeStorePosition(position))).toEqual(position)
  })

  it('has no leader epoch if that is none', () => {
    const stored = '{"topic":"t","offset":1,"leaderEpoch":-1,"caughtUpAt":2}'
    expect(decodeStorePosition(stored)).toEqual({ topic: 't', offset: 1, caughtUpAt: 2 })
  })

  it.each([
    undefined,
    '',
    '{',
    'null',
    '"text"',
    '12',
    '{}',
    '{"topic":"t","offset":1}',
    '{"topic":"t","offset":1.5,"caughtUpAt":1}',
    '{"topic":"t","offset":9007199254740993,"caughtUpAt":1}',
    '{"topic":"t","offset":-1,"caughtUpAt":1}',
    '{"topic":1,"offset":1,"caughtUpAt":1}',
    '{"topic":"t","offset":"1","caughtUpAt":1}',
  ])('is undefined for %j, so that the store is rebuilt', (text) => {
    expect(decodeStorePosition(text)).toBeUndefined()
  })

  it('is fresh for half of the lifetime of tombstones, in both directions', () => {
    const retention = 24 * HOUR
    const now = 1_700_000_000_000
    expect(isStale(now, now, retention)).toBe(false)
    expect(isStale(now - 12 * HOUR, now, retention)).toBe(false)
    expect(isStale(now - 12 * HOUR - 1, now, retention)).toBe(true)
    expect(isStale(now + 12 * HOUR + 1, now, retention)).toBe(true)
  })
})
