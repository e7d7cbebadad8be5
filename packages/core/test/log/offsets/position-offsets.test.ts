import { describe, expect, it } from 'vitest'
import type { OffsetAndMetadata } from '../../../src/log/contract.js'
import { fromOffsets, toOffsets } from '../../../src/log/offsets/position-offsets.js'
import { newTotals } from '../../../src/outcome/totals.js'

const position = {
  writtenAt: 1_700_000_000_000,
  inputs: {
    rows: { id: 'BBBB', next: 0, leaderEpoch: 5 },
    first: { id: 'AAAA', next: 12 },
    second: { id: 'CCCC', next: 7 },
  },
  partitions: 4,
  hash: 'abc',
  totals: { first: { ...newTotals(), in: 12, emitted: 12 }, 'another name': { ...newTotals(), in: 7, emitted: 7 } },
}
const metadataOf = (saved: ReadonlyMap<string, OffsetAndMetadata>, topic: string) =>
  JSON.parse(saved.get(topic)?.metadata ?? '') as Record<string, unknown>

describe('a position as offsets', () => {
  it('is decoded completely, with the owner that wrote it', () => {
    const saved = toOffsets(position, 42)
    expect(Array.from(saved, ([topic, { offset }]) => [topic, offset]).sort()).toEqual([
      ['first', 12],
      ['rows', 0],
      ['second', 7],
    ])
    expect(fromOffsets(saved)).toEqual({ position, token: 42 })
  })

  it('has the totals of at most one pipeline with each offset, and those of a stream with the stream', () => {
    const saved = toOffsets(position, 1)
    expect(Object.keys(metadataOf(saved, 'rows').totals as object)).toEqual([])
    expect(Object.keys(metadataOf(saved, 'first').totals as object)).toEqual(['first'])
    expect(Object.keys(metadataOf(saved, 'second').totals as object)).toEqual(['another name'])
  })

  it('stays far below the 4096 bytes of metadata that brokers accept for an offset', () => {
    for (const { metadata } of toOffsets(position, Date.UTC(2100, 0)).values())
      expect(metadata.length).toBeLessThan(500)
  })

  it('is undefined for a new task', () => {
    expect(fromOffsets(new Map())).toBeUndefined()
  })

  it.each(['', 'moved by hand', '17', 'null', '{"of":"another program"}'])(
    'accepts an offset that another tool has set, with metadata %j',
    (metadata) => {
      const saved = new Map([...toOffsets(position, 42), ['first', { offset: 3, metadata }]])
      expect(fromOffsets(saved)).toEqual({
        position: {
          ...position,
          inputs: { ...position.inputs, first: { next: 3 } },
          totals: { 'another name': position.totals['another name'] },
        },
        token: 42,
      })
      expect(fromOffsets(new Map([['first', { offset: 3, metadata }]]))).toEqual({
        position: { writtenAt: 0, inputs: { first: { next: 3 } }, totals: {} },
        token: 0,
      })
    },
  )

  it('of a newer version is rejected', () => {
    const saved = new Map([['first', { offset: 3, metadata: '{"joinery":2}' }]])
    expect(() => fromOffsets(saved)).toThrow(expect.objectContaining({ code: 'CHANGELOG_INVALID', topic: 'first' }))
  })
})
