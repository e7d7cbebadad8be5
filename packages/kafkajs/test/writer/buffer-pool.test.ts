import { describe, expect, it } from 'vitest'
import { BufferPool } from '../../src/writer/buffer-pool.js'

const MIB = 2 ** 20

describe('a buffer pool', () => {
  it('reuses released buffers, the last one first', () => {
    const pool = new BufferPool()
    const [first, second] = [Buffer.alloc(1), Buffer.alloc(2)]
    pool.release(first)
    pool.release(second)
    expect(pool.acquire()).toBe(second)
    expect(pool.acquire()).toBe(first)
  })

  it('allocates a buffer when it has none', () => {
    const pool = new BufferPool()
    expect(pool.acquire().length).toBeGreaterThan(0)
    expect(pool.acquire()).not.toBe(pool.acquire())
  })

  it('keeps at most 4 MiB, however often buffers are acquired and released', () => {
    const pool = new BufferPool()
    const kept = [1, 2, 3, 4].map(() => Buffer.alloc(MIB))
    const tooMuch = Buffer.alloc(1)
    for (let round = 0; round < 3; round++) {
      for (const buffer of kept) pool.release(buffer)
      pool.release(tooMuch)
      const acquired = kept.map(() => pool.acquire())
      expect(new Set(acquired)).toEqual(new Set(kept))
    }
    expect(pool.acquire()).not.toBe(tooMuch)
  })
})
