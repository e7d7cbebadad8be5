import { describe, expect, it } from 'vitest'
import { murmur2, partitionFor } from '../../src/log.js'

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('never returns a partition that does not exist, for negative hashes too', () => {
    expect(partitionFor(Buffer.from('21'), 4)).toBe((-973932308 & 0x7fffffff) % 4)
  })
})
