import { describe, expect, it } from 'vitest'
import { OutputWriter } from '../../src/outcome/output-writer.js'
import type { LogRecord, NewRecord } from '../../src/record.js'
import { headerTexts } from '../join/operator-harness.js'

const record: LogRecord = {
  topic: 'in',
  partition: 7,
  offset: 12,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  timestamp: 1_000,
  headers: [],
}

function writerOf(maxMessageBytes: number) {
  const written: NewRecord[] = []
  const sizes: number[] = []
  const effects = {
    logTimeMs: 0.5,
    output: (output: NewRecord, bytes: number) => {
      written.push(output)
      sizes.push(bytes)
    },
    change: () => {},
    outcome: () => {},
  }
  return {
    writer: new OutputWriter('app', 'in', 7, new Map([['out', { partitions: 4, maxMessageBytes }]])),
    effects,
    written,
    sizes,
  }
}

describe('the output writer', () => {
  it('counts key, value and headers towards the size of a record', () => {
    for (const event of [
      { ...record, key: Buffer.alloc(1_000) },
      { ...record, headers: [['h', Buffer.alloc(1_000)]] as const },
      { ...record, headers: [['é'.repeat(500), null]] as const },
    ]) {
      const { writer, effects, written } = writerOf(1_000)
      expect(writer.emit(effects, 'out', event, Buffer.from('v'))).toMatchObject({ reason: 'too-large' })
      expect(written).toEqual([])
    }
  })

  it('never writes a record that does not fit into a batch of its own', () => {
    for (let size = 700; size < 1_000; size++) {
      const { writer, effects, written } = writerOf(1_000)
      writer.emit(effects, 'out', record, Buffer.alloc(size))
      // a batch header is 61 bytes; the record needs key, value, its header, and length prefixes of at least one byte
      const needed = 61 + 7 + 1 + size + 'joinery-origin'.length + 'app/in/7/12'.length + 2
      if (written.length > 0) expect(needed).toBeLessThanOrEqual(1_000)
    }
  })

  it('replaces the headers of an earlier dead letter', () => {
    const { writer, effects, written } = writerOf(10_000)
    const first = [
      ['joinery-error', Buffer.from('old')],
      ['joinery-table', Buffer.from('old')],
      ['joinery-reason', Buffer.from('old')],
      ['mine', Buffer.from('kept')],
    ] as const
    writer.deadLetter(effects, 'out', { ...record, headers: first }, { reason: 'filtered', ageMs: 1.6 })
    expect(headerTexts(written[0]?.headers ?? [])).toEqual([
      ['mine', 'kept'],
      ['joinery-reason', 'filtered'],
      ['joinery-origin', 'app/in/7/12'],
      ['joinery-age-ms', '2'],
    ])
  })

  it('clamps a timestamp to an hour ahead of the log, not of this machine', () => {
    const { writer, effects, written } = writerOf(10_000)
    expect(writer.emit(effects, 'out', { ...record, timestamp: 3_600_000 }, Buffer.from('x'))).toBe('emitted')
    expect(writer.emit(effects, 'out', { ...record, timestamp: 3_600_001 }, Buffer.from('x'))).toBe('clamped')
    const ahead = { ...record, timestamp: 7_200_000 }
    expect(writer.deadLetter(effects, 'out', ahead, { reason: 'filtered', ageMs: 0 })).toBe('clamped')
    expect(written.map(({ timestamp }) => timestamp)).toEqual([3_600_000, 3_600_000, 3_600_000])
  })

  it('never writes a negative age', () => {
    const { writer, effects, written } = writerOf(10_000)
    writer.deadLetter(effects, 'out', record, { reason: 'filtered', ageMs: -5 })
    expect(headerTexts(written[0]?.headers ?? [])).toContainEqual(['joinery-age-ms', '0'])
  })

  it('passes the key unchanged, so that it determines the partition', () => {
    const { writer, effects, written } = writerOf(10_000)
    writer.emit(effects, 'out', record, Buffer.from('x'))
    expect(written[0]?.key).toBe(record.key)
    expect(written[0]).not.toHaveProperty('partition')
  })
})
