import { describe, expect, it } from 'vitest'
import { PARTITIONERS } from '../../src/keys/partitioners.js'

const partitionOf = (name: string, key: string, partitions: number) => {
  const found = PARTITIONERS.find((each) => each.name.startsWith(name))
  if (found === undefined) throw new Error(`no partitioner ${name}`)
  return found.partition(found.hash(Buffer.from(key)), partitions)
}
const MANY = 1_000_000_007

describe('known partitioners', () => {
  it('CRC32 is the check value of the algorithm, as an unsigned number', () => {
    expect(partitionOf('CRC32', '123456789', MANY)).toBe(0xcbf43926 % MANY)
  })

  it("FNV-1a is the reference's, by its absolute value in Sarama and without its sign elsewhere", () => {
    // 0xe40c292c is negative as a signed number
    expect(partitionOf("FNV-1a (Sarama's", 'a', MANY)).toBe((2 ** 32 - 0xe40c292c) % MANY)
    expect(partitionOf('FNV-1a (a reference', 'a', MANY)).toBe((0xe40c292c & 0x7fffffff) % MANY)
  })

  it("Java's hashCode is that of a string", () => {
    expect(partitionOf("Java's hashCode", 'hello', MANY)).toBe(99_162_322)
    // "polygenelubricants".hashCode() is Integer.MIN_VALUE
    expect(partitionOf("Java's hashCode", 'polygenelubricants', 7)).toBe(0)
    expect(partitionOf("Java's hashCode (its absolute", 'polygenelubricants', 7)).toBe(2 ** 31 % 7)
  })

  it('murmur2 comes first', () => {
    expect(PARTITIONERS[0].name).toContain('murmur2')
  })
})
