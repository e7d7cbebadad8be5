import { describe, expect, it } from 'vitest'
import { memoryLog, stream, table, text, topic } from '../../src/index.js'
import { JoinKeys, type KeyMismatch } from '../../src/keys/join-keys.js'
import { planApplication } from '../../src/pipeline/plan.js'
import type { LogRecord } from '../../src/record.js'

const serdes = { key: text(), value: text() }
const pipeline = stream(topic('events', serdes))
  .leftJoin(table(topic('rows', serdes)), (value) => value)
  .to(topic('results', serdes))
const quoted = (i: number) => `"key-${i}"`
const plain = (i: number) => `key-${i}`
const recordsOf = (topic: string, from: number, count: number, key: (i: number) => string): LogRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    topic,
    partition: 0,
    offset: from + i,
    key: Buffer.from(key(from + i)),
    value: null,
    timestamp: 0,
    headers: [],
  }))

function sampling() {
  const found: KeyMismatch[] = []
  const keys = new JoinKeys(planApplication('app', pipeline), (mismatch) => found.push(mismatch))
  const read: Record<string, number> = {}
  const add = (name: 'events' | 'rows', count: number, key: (i: number) => string, size = 100) => {
    for (let left = count; left > 0; left -= size) {
      const from = read[name] ?? 0
      const next = Math.min(size, left)
      keys.add({ topic: name, partitions: 1 }, 0, recordsOf(name, from, next, key))
      read[name] = from + next
    }
  }
  return { keys, found, add }
}

describe('the sampled keys of joins', () => {
  it('are found to differ within the first thousand of each partition', () => {
    const { keys, found, add } = sampling()
    add('rows', 100, plain)
    add('events', 100, quoted)
    expect(found).toEqual([{ pipeline: 'events', table: 'rows', reason: expect.stringContaining('quotation marks') }])
    expect(keys.gauges).toEqual({ joinsWithoutMatches: 1 })
  })

  it('are every thousandth after them: a producer that changes is noticed', () => {
    const { found, add } = sampling()
    add('rows', 1_000, plain)
    add('events', 1_000, plain)
    add('events', 999_000, quoted)
    expect(found).toEqual([])
    add('events', 1_000, quoted)
    expect(found).toHaveLength(1)
  })

  it('differ until they meet', () => {
    const { keys, found, add } = sampling()
    add('events', 300, quoted)
    add('rows', 300, plain)
    expect(keys.problems).toHaveLength(1)
    add('rows', 300, quoted)
    expect([keys.problems, keys.gauges]).toEqual([[], { joinsWithoutMatches: 0 }])
    expect(found).toHaveLength(1)
  })

  it('are read through a source that otherwise stays as it is', async () => {
    const { keys, found } = sampling()
    const log = memoryLog({ topics: { events: {}, rows: {} } })
    const records = [...recordsOf('events', 0, 60, quoted), ...recordsOf('rows', 0, 60, plain)]
    await log.sink.append(records)
    const infos = await log.source.describe(['events', 'rows'])
    const source = keys.sampled(log.source, new Map(infos.map((info) => [info.topic, info])))
    for (const name of ['events', 'rows']) {
      const at = { topic: name, partition: 0 }
      expect(await source.endOffset(at, 'high-watermark')).toBe(60)
      expect(await source.earliestOffset(at)).toBe(0)
      for await (const batch of source.read({ ...at, offset: 0 }, new AbortController().signal)) {
        expect(batch.records.every((record) => record.topic === name)).toBe(true)
        if (batch.next >= 60) break
      }
    }
    expect(found).toHaveLength(1)
  })
})
