import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionFor } from '../../src/log.js'

/** A slow implementation of Kafka's `Utils.murmur2` with big integers. */
function reference(data: Uint8Array): number {
  const M = 0x5bd1e995n
  const int = (value: bigint) => value & 0xffffffffn
  let h = int(0x9747b28cn ^ BigInt(data.length))
  const whole = data.length - (data.length % 4)
  for (let i = 0; i < whole; i += 4) {
    let k = BigInt(Buffer.from(data).readUInt32LE(i))
    k = int(k * M)
    k ^= k >> 24n
    k = int(k * M)
    h = int(h * M) ^ k
  }
  const rest = data.subarray(whole)
  rest.forEach((byte, i) => {
    h ^= BigInt(byte) << BigInt(8 * i)
  })
  if (rest.length > 0) h = int(h * M)
  h ^= h >> 13n
  h = int(h * M)
  h ^= h >> 15n
  return Number(BigInt.asIntN(32, h))
}

describe('murmur2', () => {
  it('implements the published algorithm for all bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (key) => {
        expect(murmur2(key)).toBe(reference(key))
      }),
      { numRuns: 1_000 },
    )
  })

  it('always maps a key to the same partition', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 10_000 }), (key, partitions) => {
        const partition = partitionFor(key, partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
        expect(partitionFor(Buffer.concat([Buffer.alloc(3), key]).subarray(3), partitions)).toBe(partition)
        expect(partition).toBe((reference(key) & 0x7fffffff) % partitions)
      }),
    )
  })
})
