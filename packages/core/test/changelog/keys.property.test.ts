import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChangelogKey, rowBytes, rowKey, rowValue, waiterKey } from '../../src/changelog/keys.js'
import { isJoineryError } from '../../src/index.js'

const name = fc.string({ unit: 'binary', maxLength: 30 })
const bytes = fc.uint8Array({ maxLength: 50 })

describe('changelog keys', () => {
  it('of waiters can be read back, and sort by offset within a pipeline', () => {
    fc.assert(
      fc.property(name, fc.maxSafeNat(), fc.maxSafeNat(), (pipeline, one, other) => {
        const key = waiterKey(pipeline, one)
        expect(parseChangelogKey(key)).toEqual({ kind: 'waiter', pipeline, offset: one })
        expect(Math.sign(Buffer.compare(key, waiterKey(pipeline, other)))).toBe(Math.sign(one - other))
      }),
    )
  })

  it('of rows can be read back', () => {
    fc.assert(
      fc.property(name, bytes, (table, key) => {
        expect(parseChangelogKey(rowKey(table, key))).toEqual({ kind: 'row', table, key: Buffer.from(key) })
        expect(rowBytes(rowValue(key))).toEqual(Buffer.from(key))
      }),
    )
  })

  it('are equal only for equal tables and keys', () => {
    fc.assert(
      fc.property(name, bytes, name, bytes, (table, key, otherTable, otherKey) => {
        const same = table === otherTable && Buffer.compare(key, otherKey) === 0
        expect(Buffer.compare(rowKey(table, key), rowKey(otherTable, otherKey)) === 0).toBe(same)
      }),
    )
  })

  it('from any other bytes are refused with a code, or can be read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.constantFrom([1], [1, 2], [1, 3], []), (rest, start) => {
        try {
          parseChangelogKey(Uint8Array.from([...start, ...rest]))
        } catch (error) {
          expect(isJoineryError(error, 'CHANGELOG_INVALID')).toBe(true)
        }
      }),
    )
  })
})
