import { json, type Pipeline, produce, run, stream, table, text, topic } from '@joinery/core'
import { describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const BEFORE = 500
const SERDES = { key: text(), value: json<{ i: number }>() }

describe.skipIf(brokers.length === 0)('a record that halts the application', () => {
  it.each([
    ['cannot be decoded', 'DECODE_FAILED', Buffer.from('not json')],
    ['makes a joiner throw', 'FUNCTION_THREW', Buffer.from('{"i":-1}')],
  ])(
    'because it %s does so at each start, and the 500 before it come out once',
    async (_, code, value) => {
      const name = unique()
      const events = topic(name('events'), SERDES)
      const rows = topic(name('rows'), SERDES)
      const results = topic(name('results'), SERDES)
      await createTopics({ brokers }, ...[events, rows, results].map((each) => ({ topic: each.name, partitions: 1 })))
      const pipeline: Pipeline = stream(events)
        .join(table(rows), (event) => {
          if (event.i < 0) throw new Error('a bug')
          return event
        })
        .to(results)
      await using log = kafkaLog({ brokers })
      const keyOf = (i: number) => `k${i % 100}`
      const numbered = (from: number) =>
        Array.from({ length: BEFORE }, (_, i) => ({ key: keyOf(i), value: { i: from + i } }))
      await produce(log, rows, ...Array.from({ length: 100 }, (_, i) => ({ key: keyOf(i), value: { i } })))
      await produce(log, events, ...numbered(0))
      const bad = { topic: events.name, partition: 0, key: Buffer.from('k0'), value }
      await log.sink.append([{ ...bad, timestamp: Date.now(), headers: [] }])
      await produce(log, events, ...numbered(BEFORE))
      for (let start = 1; start <= 3; start++) {
        const app = await run(pipeline, { application: name('service'), log })
        app.ready.catch(() => {})
        await expect(app.closed).rejects.toMatchObject({ code, topic: events.name, partition: 0, offset: BEFORE })
        expect(app.metrics().pipelines[events.name]).toMatchObject({ in: BEFORE, emitted: BEFORE })
        await app.close()
        const found = (await recordsOf(log, results.name)).map(
          (each) => results.value.decode(each.value as Uint8Array).i,
        )
        expect(found).toEqual(Array.from({ length: BEFORE }, (_, i) => i))
      }
    },
    60_000,
  )
})
