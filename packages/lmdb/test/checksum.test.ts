import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckedValues, uncheckedLength } from '../src/checked-values.js'
import { checksum } from '../src/checksum.js'
import { Damage } from '../src/damage.js'

/** @returns the checksum of bytes that begin at a word of larger memory */
function sumOf(text: string, seed = 0, word = 0): number {
  const bytes = Buffer.from(text)
  const memory = Buffer.alloc(4 * word + bytes.length + 7, 0xee)
  bytes.copy(memory, 4 * word)
  const { buffer, byteOffset } = Buffer.from(new Uint8Array(memory).buffer)
  return checksum(new Uint32Array(buffer, byteOffset, memory.length >> 2), word, bytes.length, seed)
}

describe('checksum', () => {
  it('is XXH32', () => {
    expect(sumOf('')).toBe(0x02cc5d05)
    expect(sumOf('a')).toBe(0x550d7456)
    expect(sumOf('abc')).toBe(0x32d153ff)
    expect(sumOf(Array.from({ length: 100 }, (_, i) => i).join())).toBe(0x93dd9b31)
    expect(sumOf('abc', 1)).not.toBe(sumOf('abc'))
  })

  it('depends on nothing before or after the bytes', () => {
    for (const text of ['a', 'abcd', 'abcde', 'x'.repeat(33)]) expect(sumOf(text, 0, 3)).toBe(sumOf(text))
  })
})

describe('checked values', () => {
  const key = Buffer.from('key')
  const bytes = fc.uint8Array({ maxLength: 70 })

  it('are returned as they were, wherever they are in memory, as a copy', () => {
    const values = new CheckedValues(10)
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1 }), fc.nat(9), (list, shift) => {
        const encode = values.encoder()
        const stored = list.map((value) => encode(key, value.subarray(3), value.subarray(0, 3)))
        for (const [i, each] of stored.entries()) {
          const moved = Buffer.concat([Buffer.alloc(shift), each]).subarray(shift)
          const found = values.verified(key, moved)
          expect(Buffer.compare(found, list[i] as Uint8Array)).toBe(0)
          expect(found.buffer.byteLength).toBe(found.length)
          expect(uncheckedLength(each.length)).toBe(found.length)
        }
      }),
    )
  })

  it('of more bytes than a block are separate', () => {
    const values = new CheckedValues(10)
    const encode = values.encoder()
    const all = [65_531, 65_532, 65_533, 1, 200_000, 1].map((length, i) => Buffer.alloc(length, i))
    const stored = all.map((value) => encode(key, value))
    for (const [i, each] of stored.entries())
      expect(Buffer.compare(values.verified(key, each), all[i] as Buffer)).toBe(0)
  })

  it('are damage once a bit of the value, the checksum or the key is another, or the end is missing', () => {
    const values = new CheckedValues(10)
    fc.assert(
      fc.property(bytes, fc.nat(), (value, random) => {
        const stored = values.encoder()(key, value)
        const bit = random % (8 * stored.length)
        const flipped = Buffer.from(stored)
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(() => values.verified(key, flipped)).toThrow(Damage)
        expect(() => values.verified(Buffer.from('kez'), stored)).toThrow(Damage)
        expect(() => values.verified(key, stored.subarray(0, random % stored.length))).toThrow(Damage)
        expect(() => values.verified(Buffer.alloc(11), stored)).toThrow(Damage)
      }),
    )
  })
})
