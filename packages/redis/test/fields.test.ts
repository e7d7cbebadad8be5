import { describe, expect, it } from 'vitest'
import { fieldOf, keyOf, MARK_FIELD } from '../src/fields.js'

describe('fields', () => {
  it.each([
    ['a key', 'a', 'a'],
    ['the empty key', '', '\0\0'],
    ['a key that begins with a zero byte', '\0m', '\0\0\0m'],
    ['a key with a zero byte inside', 'a\0', 'a\0'],
  ])('distinguish %s from fields that are not rows', (_, key, field) => {
    expect(fieldOf(Buffer.from(key)).toString()).toBe(field)
    expect(keyOf(Buffer.from(field))?.toString()).toBe(key)
  })

  it('are different for different keys', () => {
    const bytes = ['', '\0', 'm', 'a']
    const keys = bytes.flatMap((a) => bytes.flatMap((b) => bytes.map((c) => a + b + c)))
    const distinct = new Set(keys)
    expect(new Set([...distinct].map((key) => fieldOf(Buffer.from(key)).toString())).size).toBe(distinct.size)
    for (const key of distinct) expect(keyOf(fieldOf(Buffer.from(key)))?.toString()).toBe(key)
  })

  it('that are not rows have no key', () => {
    for (const field of [MARK_FIELD, '\0p']) expect(keyOf(Buffer.from(field))).toBeUndefined()
  })

  it('encode a key by its bytes, also as a view of a larger buffer', () => {
    expect(fieldOf(new Uint8Array(Buffer.from('xkeyx')).subarray(1, 4)).toString()).toBe('key')
  })
})
