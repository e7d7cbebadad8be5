import type { NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { toBatches } from './to-batches.js'

const record = (key: string | null, more: Partial<NewRecord> = {}): NewRecord => ({
  topic: 'a',
  key: key === null ? null : Buffer.from(key),
  value: null,
  timestamp: 0,
  headers: [],
  ...more,
})
const PARTITIONS = new Map([
  ['a', 16],
  ['b', 3],
])
const SIZES = new Map([
  ['a', 1_000],
  ['b', 1_000],
])

describe('the partition of a record', () => {
  // hashes of the Java client: org.apache.kafka.common.utils.Utils.murmur2
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['abc', 479470107],
  ])('of key %s is the one of the Java client', (key, hash) => {
    expect(toBatches([record(key)], PARTITIONS, SIZES)[0]?.partition).toBe((hash & 0x7fff_ffff) % 16)
  })

  it('is the one that it names', () => {
    expect(toBatches([record('21', { partition: 11 })], PARTITIONS, SIZES)[0]?.partition).toBe(11)
  })

  it('without a key is the first', () => {
    expect(toBatches([record(null)], PARTITIONS, SIZES)[0]?.partition).toBe(0)
  })
})

describe('batches', () => {
  it('hold the records of one partition in order', () => {
    const records = [0, 1, 0, 1, 0].map((partition) => record('k', { partition }))
    expect(
      toBatches(records, PARTITIONS, SIZES).map(({ topic, partition, builder }) => [topic, partition, builder.count]),
    ).toEqual([
      ['a', 0, 3],
      ['a', 1, 2],
    ])
  })

  it('of topics with the same partition numbers stay apart', () => {
    const records = [record('k', { partition: 1 }), record('k', { topic: 'b', partition: 1 })]
    expect(toBatches(records, PARTITIONS, SIZES)).toHaveLength(2)
  })

  it('are closed when the next record might not fit', () => {
    const records = Array.from({ length: 10 }, () => record('k', { partition: 0, value: Buffer.alloc(400) }))
    const batches = toBatches(records, PARTITIONS, SIZES)
    expect(batches.map(({ builder }) => builder.count)).toEqual([2, 2, 2, 2, 2])
  })

  it.each<readonly [string, Partial<NewRecord>]>([
    ['keys', { key: Buffer.alloc(400) }],
    ['values', { value: Buffer.alloc(400) }],
    ['contents of headers', { headers: [['h', Buffer.alloc(400)]] }],
    ['names of headers, in UTF-8', { headers: [['€'.repeat(130), null]] }],
    ['many headers', { headers: Array.from({ length: 130 }, () => ['h', null] as const) }],
  ])('are never larger than their topic allows, whatever makes records large: %s', (_, more) => {
    const records = Array.from({ length: 10 }, () => record('k', { partition: 0, ...more }))
    const all = toBatches(records, PARTITIONS, SIZES)
    const sizes = all.map(
      ({ builder }) => builder.close({ producerId: 1n, epoch: 0, baseSequence: 0, isTransactional: true }).length,
    )
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000)
    expect(all.reduce((sum, { builder }) => sum + builder.count, 0)).toBe(10)
  })

  it('contain a record that is too large for its topic alone: the broker rejects only that', () => {
    const values = [10, 5_000, 10]
    const records = values.map((size) => record('k', { partition: 0, value: Buffer.alloc(size) }))
    expect(toBatches(records, PARTITIONS, SIZES).map(({ builder }) => builder.count)).toEqual([1, 1, 1])
  })
})
