import type { NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { toProducerBatches } from '../../src/index.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const record = (topic: string, value: string | number, more: Partial<NewRecord> = {}): NewRecord => ({
  topic,
  key: bytes('k'),
  value: typeof value === 'number' ? new Uint8Array(value) : bytes(value),
  timestamp: 1_700_000_000_123,
  headers: [],
  ...more,
})
/** By batch and topic, the values. */
const values = (batches: ReturnType<typeof toProducerBatches>) =>
  batches.map(({ topicMessages }) =>
    Object.fromEntries(topicMessages.map(({ topic, messages }) => [topic, messages.map(({ value }) => String(value))])),
  )
const sizes = (batches: ReturnType<typeof toProducerBatches>) =>
  batches.map(({ topicMessages }) =>
    Object.fromEntries(topicMessages.map(({ topic, messages }) => [topic, messages.length])),
  )

describe('outputs for a producer of kafkajs', () => {
  it('are grouped by topic, in their order', () => {
    const batches = toProducerBatches([record('a', '1'), record('b', '2'), record('a', '3')])
    expect(values(batches)).toEqual([{ a: ['1', '3'], b: ['2'] }])
    expect(toProducerBatches([])).toEqual([])
  })

  it('are buffers, because kafkajs treats other bytes as text', () => {
    const key = new Uint8Array([9, 0, 255, 9]).subarray(1, 3)
    const [batch] = toProducerBatches([
      record('a', '1', { key, headers: [['h', bytes('x')]] }),
      record('a', '', { key: null, value: null, partition: 2 }),
    ])
    expect(batch?.topicMessages[0]?.messages).toEqual([
      {
        key: Buffer.from([0, 255]),
        value: Buffer.from('1'),
        timestamp: '1700000000123',
        headers: { h: [Buffer.from('x')] },
      },
      { key: null, value: null, timestamp: '1700000000123', headers: {}, partition: 2 },
    ])
    for (const buffer of [batch?.topicMessages[0]?.messages[0]?.key, batch?.topicMessages[0]?.messages[0]?.value])
      expect(Buffer.isBuffer(buffer)).toBe(true)
  })

  it('keep headers that occur twice, and one with the name of a property of every object; one without a value becomes empty', () => {
    const headers = [
      ['a', bytes('1')],
      ['__proto__', bytes('2')],
      ['a', null],
    ] as const
    const [batch] = toProducerBatches([record('t', 'v', { headers })])
    expect(Object.entries(batch?.topicMessages[0]?.messages[0]?.headers ?? {})).toEqual([
      ['a', [Buffer.from('1'), Buffer.from('')]],
      ['__proto__', [Buffer.from('2')]],
    ])
  })

  it('are more than one batch if one would be rejected as too large, and each topic keeps its order', () => {
    const records = [
      record('a', 400),
      record('a', 400),
      record('b', 300),
      record('a', 400),
      record('a', 5_000),
      record('b', 10),
    ]
    const batches = toProducerBatches(records, { maxBytes: 1_000 })
    expect(sizes(batches)).toEqual([{ a: 2, b: 1 }, { a: 1 }, { a: 1, b: 1 }])
    const lengths = batches.flatMap(({ topicMessages }) =>
      topicMessages
        .filter(({ topic }) => topic === 'a')
        .flatMap(({ messages }) => messages.map(({ value }) => value?.length)),
    )
    expect(lengths).toEqual([400, 400, 400, 5_000])
  })

  it('have no unknown options', () => {
    expect(() => toProducerBatches([], { maxbytes: 1_000 } as object)).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        problems: ['there is no option maxbytes: use maxBytes'],
      }),
    )
  })

  it('count keys and headers', () => {
    const large = record('a', '', { key: new Uint8Array(300), headers: [['h', new Uint8Array(300)]] })
    expect(sizes(toProducerBatches([large, large], { maxBytes: 1_000 }))).toEqual([{ a: 1 }, { a: 1 }])
  })

  it('are at most 1000 for a topic, because kafkajs takes disproportionately longer for more', () => {
    const records = Array.from({ length: 2_500 }, (_, i) => record('a', String(i)))
    const batches = toProducerBatches(records)
    expect(sizes(batches)).toEqual([{ a: 1_000 }, { a: 1_000 }, { a: 500 }])
    expect(values(batches).flatMap(({ a }) => a)).toEqual(
      records.map(({ value }) => Buffer.from(value ?? []).toString()),
    )
  })
})
