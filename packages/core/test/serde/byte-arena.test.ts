import { describe, expect, it } from 'vitest'
import { ByteArena } from '../../src/serde/byte-arena.js'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

describe('a byte arena', () => {
  it('encodes strings whose bytes do not change when others follow', () => {
    const arena = new ByteArena()
    const texts = Array.from({ length: 5_000 }, (_, i) => `text ${i} \u00e9\ud83d\ude00${'x'.repeat(i % 50)}`)
    const written = texts.map((each) => arena.encode(each))
    expect(written.map(text)).toEqual(texts)
  })

  it('encodes a long string into a buffer of its own', () => {
    const long = 'y'.repeat(100_000)
    expect(text(new ByteArena().encode(long))).toBe(long)
    expect(text(new ByteArena().encode(''))).toBe('')
  })

  it('encodes whole numbers after a prefix', () => {
    const arena = new ByteArena()
    const prefix = Buffer.from('a/t/0/')
    const numbers = [0, 7, 9, 10, 99, 100, 123_456_789, 4_294_967_296, Number.MAX_SAFE_INTEGER]
    const written = numbers.map((number) => arena.encodeNumbered(prefix, number))
    expect(written.map(text)).toEqual(numbers.map((number) => `a/t/0/${number}`))
  })
})
