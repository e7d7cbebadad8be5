import { type LogRecord, run, stream, table, text, topic } from '@joinery/core'
import kafkajs, { type Message } from 'kafkajs'
import { beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 30_000, interval: 20 }
const MIB = 2 ** 20
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS
const NOW = Date.now()

interface Case {
  readonly event?: Partial<Message>
  readonly row?: Partial<Message>
  /** The part of the output that has to be as given. */
  readonly expected: { readonly value?: string; readonly timestamp?: number | 'clamped'; readonly headers?: object }
}

/** By key. */
const CASES: Readonly<Record<string, Case>> = {
  '1.5 MiB': { event: { value: 'v'.repeat(1.5 * MIB) }, expected: { value: `${'v'.repeat(1.5 * MIB)}+r` } },
  '5 MiB': { event: { value: 'v'.repeat(5 * MIB) }, expected: { value: `${'v'.repeat(5 * MIB)}+r` } },
  '1,000 headers': {
    event: { headers: Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`h${i}`, `v${i}`])) },
    expected: { headers: Array.from({ length: 1_000 }, (_, i) => [`h${i}`, `v${i}`]) },
  },
  'a header name three times, and an empty one': {
    event: { headers: { a: ['1', '2', '3'], '': 'empty' } },
    expected: {
      headers: [
        ['a', '1'],
        ['a', '2'],
        ['a', '3'],
        ['', 'empty'],
      ],
    },
  },
  'a header that claims to be of Joinery': {
    event: { headers: { 'joinery-origin': 'forged/1/2/3', a: '1' } },
    expected: { headers: [['a', '1']] },
  },
  '': { row: { value: 'of the empty key' }, expected: { value: 'v+of the empty key' } },
  'an empty event': { event: { value: '' }, expected: { value: '+r' } },
  'an empty row': { row: { value: '' }, expected: { value: 'v+' } },
  ['a key of 10 KiB '.repeat(640)]: { expected: {} },
  'time 0': { event: { timestamp: '0' }, row: { timestamp: '0' }, expected: { timestamp: 0 } },
  'time -1': { event: { timestamp: '-1' }, row: { timestamp: '-1' }, expected: { timestamp: -1 } },
  'a negative time': { event: { timestamp: '-123456789' }, expected: { timestamp: -123_456_789 } },
  'a time in ten years': {
    event: { timestamp: String(NOW + 10 * YEAR_MS) },
    row: { timestamp: '32503680000000' },
    expected: { timestamp: 'clamped' },
  },
  'a time beyond the integers of JavaScript': {
    event: { timestamp: '9007199254740995' },
    row: { timestamp: '9223372036854775806' },
    expected: { timestamp: 'clamped' },
  },
}

describe.skipIf(brokers.length === 0)('an unusual record of another service', () => {
  const outputs = new Map<string, LogRecord[]>()

  beforeAll(async () => {
    const name = unique()
    const serdes = { key: text(), value: text() }
    const events = topic(name('events'), serdes)
    const rows = topic(name('rows'), serdes)
    const results = topic(name('results'), serdes)
    const config = { 'max.message.bytes': 8 * MIB, 'message.timestamp.after.max.ms': '9223372036854775807' }
    await createTopics(
      { brokers },
      { topic: events.name, partitions: 3, config },
      { topic: rows.name, partitions: 3, config: { ...config, 'cleanup.policy': 'compact' } },
      { topic: results.name, partitions: 3, config: { 'max.message.bytes': 8 * MIB } },
    )
    const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    // one at a time: kafkajs has no differences of timestamps that are this large in a batch
    for (const [key, { event, row }] of Object.entries(CASES)) {
      await producer.send({ topic: rows.name, messages: [{ key, value: 'r', ...row }] })
      await producer.send({ topic: events.name, messages: [{ key, value: 'v', ...event }] })
    }
    await producer.disconnect()
    const pipeline = stream(events, { name: 'odd' })
      .join(table(rows), (event, row) => `${event}+${row}`)
      .to(results)
    await using log = kafkaLog({ brokers })
    await using app = await run(pipeline, { application: name('service'), log })
    const count = Object.keys(CASES).length
    await vi.waitFor(
      () => expect(app.metrics().pipelines.odd).toMatchObject({ in: count, emitted: count, clamped: 2 }),
      LIMIT,
    )
    for (const output of await recordsOf(log, results.name)) {
      const key = String(output.key)
      outputs.set(key, [...(outputs.get(key) ?? []), output])
    }
  }, 60_000)

  it.each(
    Object.entries(CASES).map(([key, { expected }]) => ({ what: key.slice(0, 50) || 'an empty key', key, expected })),
  )('is joined once, and kept as it is: $what', ({ key, expected: { value = 'v+r', timestamp, headers } }) => {
    const all = outputs.get(key) ?? []
    expect(all).toHaveLength(1)
    const [output] = all as [LogRecord]
    expect(String(output.value) === value).toBe(true) // without megabytes in a message
    if (timestamp === 'clamped') {
      expect(output.timestamp).toBeGreaterThan(NOW)
      expect(output.timestamp).toBeLessThanOrEqual(Date.now() + HOUR_MS)
    } else if (timestamp !== undefined) expect(output.timestamp).toBe(timestamp)
    const found = output.headers.map(([name, content]) => [name, String(content)])
    expect(found.filter(([name]) => !name?.startsWith('joinery-'))).toEqual(headers ?? [])
    expect(found.filter(([name]) => name === 'joinery-origin')).toHaveLength(1)
    expect(found.flat().join()).not.toContain('forged')
  })
})
