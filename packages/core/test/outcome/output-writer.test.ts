import { describe, expect, it } from 'vitest'
import type { OutputTopicInfo } from '../../src/log/contract.js'
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
    refusal: () => undefined,
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

  describe('leaves out of a dead letter what its topic does not accept', () => {
    const large = {
      ...record,
      key: Buffer.alloc(2_000),
      value: Buffer.alloc(4_000),
      headers: [['mine', Buffer.alloc(8_000)]] as const,
    }
    const letterUnder = (maxMessageBytes: number) => {
      const { writer, effects, written } = writerOf(maxMessageBytes)
      writer.deadLetter(effects, 'out', large, { reason: 'filtered', ageMs: 0 })
      const [letter] = written
      const headers = headerTexts(letter?.headers ?? []).filter(([name]) => name !== 'joinery-age-ms')
      return { key: letter?.key?.length, value: letter?.value?.length, headers, partition: letter?.partition }
    }
    const why = [
      ['joinery-reason', 'filtered'],
      ['joinery-origin', 'app/in/7/12'],
    ]

    it('nothing, if it fits', () => {
      expect(letterUnder(16_000)).toMatchObject({
        key: 2_000,
        value: 4_000,
        headers: [['mine', expect.anything()], ...why],
      })
    })

    it('first its headers', () => {
      expect(letterUnder(8_000)).toEqual({
        key: 2_000,
        value: 4_000,
        headers: [...why, ['joinery-omitted', 'headers']],
      })
    })

    it('then its value', () => {
      const headers = [...why, ['joinery-omitted', 'headers,value']]
      expect(letterUnder(4_000)).toEqual({ key: 2_000, value: undefined, headers })
    })

    it('then its key: the partition is that of its event', () => {
      const headers = [...why, ['joinery-omitted', 'headers,value,key']]
      expect(letterUnder(1_000)).toEqual({ key: undefined, value: undefined, headers, partition: 3 })
    })
  })
})

describe('the timestamp of an output', () => {
  const HOUR = 3_600_000
  const NOW = 1_000 * HOUR
  function writing() {
    let [now, reads] = [NOW, 0]
    const effects = {
      get logTimeMs() {
        reads++
        return now
      },
      output: () => {},
      refusal: () => undefined,
    }
    const bounds = { partitions: 1, maxMessageBytes: 1_000 }
    const topics = new Map<string, OutputTopicInfo>([
      ['short', { ...bounds, retentionMs: HOUR }],
      ['long', { ...bounds, retentionMs: 48 * HOUR }],
      ['forever', bounds],
    ])
    const writer = new OutputWriter('app', 'in', 7, topics)
    const emit = (topic: string, timestamp: number) =>
      writer.emit(effects, topic, { ...record, timestamp }, Buffer.from('v'))
    return { emit, at: (time: number) => (now = time), reads: () => reads }
  }

  it.each([
    ['short', HOUR, 'emitted'],
    ['short', HOUR + 1, 'expired'],
    ['long', HOUR + 1, 'emitted'],
    ['long', 48 * HOUR + 1, 'expired'],
    ['forever', 900 * HOUR, 'emitted'],
  ])('is compared with the retention of its topic: %s, %i ms old: %s', (topic, ageMs, expected) => {
    expect(writing().emit(topic, NOW - ageMs)).toBe(expected)
  })

  it('is compared with the current time, which is rarely read', () => {
    const { emit, at, reads } = writing()
    for (let i = 0; i < 100; i++) expect(emit('short', NOW + i)).toBe('emitted')
    expect(reads()).toBe(1)
    at(NOW + 2 * HOUR)
    expect(emit('short', NOW + 2 * HOUR)).toBe('emitted')
    expect(emit('short', NOW + HOUR - 1)).toBe('expired')
    expect(reads()).toBe(3)
  })
})
