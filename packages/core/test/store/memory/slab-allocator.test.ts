import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PackedRows } from '../../../src/store/memory/packed-rows.js'
import { MAX_SLOT_BYTES, SlabAllocator } from '../../../src/store/memory/slab-allocator.js'
import { seededRandom } from '../../../src/testing/random.js'

const filled = (length: number, by: number) => new Uint8Array(length).fill(by)

/** For comparisons: comparing large arrays element by element takes too long. */
const digest = (bytes: Uint8Array | undefined) => bytes && createHash('md5').update(bytes).digest('hex')

describe('the slab allocator', () => {
  it.each([0, 1, 3, 4, 5, 12, 13, 60, 61, 124, 125, 500, 4_000, MAX_SLOT_BYTES])('stores %i bytes', (length) => {
    const slabs = new SlabAllocator()
    const places = [1, 2, 3].map((by) => slabs.add(filled(length, by)))
    expect(places.map((place) => slabs.read(place))).toEqual([1, 2, 3].map((by) => filled(length, by)))
  })

  it('returns copies: what was read does not change', () => {
    const slabs = new SlabAllocator()
    const place = slabs.add(filled(100, 1))
    const read = slabs.read(place)
    expect(slabs.replace(place, filled(100, 2))).toBe(true)
    expect(read).toEqual(filled(100, 1))
    expect(read.buffer.byteLength).toBe(100)
  })

  it('replaces only within a size class', () => {
    const slabs = new SlabAllocator()
    const place = slabs.add(filled(100, 1))
    expect(slabs.replace(place, filled(99, 2))).toBe(true)
    expect(slabs.replace(place, filled(200, 3))).toBe(false)
    expect(slabs.replace(place, filled(10, 3))).toBe(false)
    expect(slabs.read(place)).toEqual(filled(99, 2))
  })

  it('takes at most a quarter more memory than its contents, however many there are', () => {
    const slabs = new SlabAllocator()
    const random = seededRandom(1)
    let bytes = 0
    for (let i = 0; i < 20_000; i++) {
      const length = 100 + Math.floor(random() * 400)
      bytes += length
      slabs.add(filled(length, i))
    }
    expect(slabs.bytes).toBeLessThan(bytes * 1.25)
  })

  it('reuses freed memory, also when sizes change', () => {
    const slabs = new SlabAllocator()
    const most: number[] = []
    for (let length = 100; length < 6_000; length += 100) {
      const places = Array.from({ length: 500 }, () => slabs.add(filled(length, 1)))
      most.push(slabs.bytes / length)
      for (const place of places) slabs.free(place)
    }
    expect(Math.max(...most)).toBeLessThan(500 * 3)
    // one slab of each size class remains
    expect(slabs.bytes).toBeLessThan(60 * 65_536)
  })

  it('is empty after clear', () => {
    const slabs = new SlabAllocator()
    slabs.add(filled(100, 1))
    slabs.clear()
    expect(slabs.bytes).toBe(0)
    expect(slabs.read(slabs.add(filled(10, 2)))).toEqual(filled(10, 2))
  })
})

describe('packed rows', () => {
  it.each([1, 2, 3, 4, 5])('have the same contents as a map (seed %i)', (seed) => {
    const random = seededRandom(seed)
    const below = (n: number) => Math.floor(random() * n)
    const rows = new PackedRows()
    const model = new Map<string, Uint8Array>()
    const lengths = [0, 1, 11, 12, 13, 100, 127, 128, 129, 4_000, MAX_SLOT_BYTES, MAX_SLOT_BYTES + 1, 70_000]
    for (let i = 0; i < 20_000; i++) {
      const key = `k${below(300)}`
      const dice = random()
      if (dice < 0.6) {
        const value = filled(lengths[below(lengths.length - (i % 50 === 0 ? 0 : 4))] as number, i)
        rows.set(key, value)
        model.set(key, value)
      } else if (dice < 0.9) {
        rows.delete(key)
        model.delete(key)
      } else if (dice < 0.9995) expect(digest(rows.get(key))).toBe(digest(model.get(key)))
      else {
        rows.clear()
        model.clear()
      }
    }
    expect(rows.size).toBe(model.size)
    const digests = (entries: Iterable<readonly [string, Uint8Array]>) =>
      Array.from(entries, ([key, value]) => [key, digest(value)]).sort()
    expect(digests(rows.entries())).toEqual(digests(model))
  })

  it('do not keep the buffer alive that a large row was part of', () => {
    const rows = new PackedRows()
    rows.set('k', new Uint8Array(1_000_000).subarray(0, 70_000))
    expect(rows.get('k')?.buffer.byteLength).toBe(70_000)
  })
})
