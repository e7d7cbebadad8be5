import { describe, expect, it } from 'vitest'
import type { RawBatch } from '../../src/wire/record-batches.js'
import { visibleRecords } from '../../src/wire/visible-records.js'

function batch(baseOffset: number, count: number, producerId = -1): RawBatch {
  const records = Array.from({ length: count }, (_, i) => ({
    offset: baseOffset + i,
    timestamp: 0,
    key: null,
    value: null,
    headers: [],
  }))
  const lastOffset = baseOffset + count - 1
  const isTransactional = producerId >= 0
  return { baseOffset, lastOffset, producerId, epoch: 0, isTransactional, marker: undefined, records }
}

const marker = (offset: number, producerId: number, kind: 'commit' | 'abort'): RawBatch => ({
  ...batch(offset, 1, producerId),
  marker: kind,
  records: [],
})

const offsets = (...args: Parameters<typeof visibleRecords>): number[] =>
  visibleRecords(...args).map(({ offset }) => offset)

describe('visible records', () => {
  it('are those from the fetched offset on: a batch may begin before it', () => {
    expect(offsets([batch(0, 3), batch(3, 2)], 2, [])).toEqual([2, 3, 4])
  })

  it('have neither markers nor the records of an aborted transaction', () => {
    const batches = [batch(0, 2, 7), marker(2, 7, 'abort'), batch(3, 1)]
    expect(offsets(batches, 0, [{ producerId: 7, firstOffset: 0 }])).toEqual([3])
  })

  it('have the records of the transaction that the same producer commits later', () => {
    const batches = [batch(0, 1, 7), marker(1, 7, 'abort'), batch(2, 1, 7), marker(3, 7, 'commit')]
    expect(offsets(batches, 0, [{ producerId: 7, firstOffset: 0 }])).toEqual([2])
  })

  it('have the records that the same producer has committed earlier', () => {
    const batches = [batch(0, 1, 7), marker(1, 7, 'commit'), batch(2, 1, 7), marker(3, 7, 'abort')]
    expect(offsets(batches, 0, [{ producerId: 7, firstOffset: 2 }])).toEqual([0])
  })

  it('have the records that other producers write during an aborted transaction', () => {
    const batches = [batch(0, 1, 7), batch(1, 1, 8), batch(2, 1), marker(3, 7, 'abort'), marker(4, 8, 'commit')]
    expect(offsets(batches, 0, [{ producerId: 7, firstOffset: 0 }])).toEqual([1, 2])
  })
})
