import type { Change } from '@joinery/core/store'
import { describe, expect, it } from 'vitest'
import { CHUNK_CHANGES, chunkArguments, chunkBytes, chunksOf } from '../src/chunks.js'

const put = (key: string, value: string): Change => ({ key: Buffer.from(key), value: Buffer.from(value) })
const drop = (key: string): Change => ({ key: Buffer.from(key), value: null })
const sized = (bytes: number): Change => ({ key: new Uint8Array(1), value: new Uint8Array(bytes - 1) })
const MAX_BYTES = 1_000
const sizes = (changes: readonly Change[]) => chunksOf(changes, MAX_BYTES).map(({ length }) => length)

describe('changes in chunks', () => {
  it('of an empty commit are one empty chunk, which sets the position', () => {
    expect(sizes([])).toEqual([0])
  })

  it('are limited in number', () => {
    const many = Array.from({ length: 2 * CHUNK_CHANGES + 1 }, () => put('', ''))
    expect(sizes(many.slice(0, CHUNK_CHANGES))).toEqual([CHUNK_CHANGES])
    expect(sizes(many)).toEqual([CHUNK_CHANGES, CHUNK_CHANGES, 1])
    expect(chunksOf(many, 2 ** 20).flat()).toEqual(many)
  })

  it('are limited in bytes, which a single change can exceed', () => {
    const half = sized(MAX_BYTES / 2)
    expect(sizes([half, half, half])).toEqual([2, 1])
    expect(sizes([sized(1), sized(3 * MAX_BYTES), sized(1)])).toEqual([1, 1, 1])
    expect(sizes([sized(MAX_BYTES - 1), drop('k'), drop('k')])).toEqual([2, 1])
    expect(chunkBytes([put('key', 'value'), drop('key')])).toBe(11)
  })

  it('are encoded as runs of puts and deletions, in order', () => {
    const args = chunkArguments([put('a', '1'), put('b', ''), drop('a'), put('a', '2'), drop('c'), drop('d')])
    expect(args.map(String)).toEqual([
      'put',
      '4',
      'a',
      '1',
      'b',
      '',
      'delete',
      '1',
      'a',
      'put',
      '2',
      'a',
      '2',
      'delete',
      '2',
      'c',
      'd',
    ])
    expect(chunkArguments([])).toEqual([])
  })
})
