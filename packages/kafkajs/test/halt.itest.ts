import { json, produce, run, stream, table, text, topic } from '@joinery/core'
import { expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const BEFORE = 500

it.skipIf(brokers.length === 0)(
  'a record that halts the application does so once the 500 before it are out',
  {
    timeout: 60_000,
  },
  async () => {
    const name = unique()
    const serdes = { key: text(), value: json<{ i: number }>() }
    const events = topic(name('events'), serdes)
    const rows = topic(name('rows'), serdes)
    const results = topic(name('results'), serdes)
    await createTopics({ brokers }, ...[events, rows, results].map((each) => ({ topic: each.name, partitions: 1 })))
    const pipeline = stream(events)
      .join(table(rows), (event) => event)
      .to(results)
    await using log = kafkaLog({ brokers })
    const numbered = (from: number) => Array.from({ length: BEFORE }, (_, i) => ({ key: 'k', value: { i: from + i } }))
    await produce(log, rows, { key: 'k', value: { i: 0 } })
    await produce(log, events, ...numbered(0))
    const bad = { topic: events.name, partition: 0, key: Buffer.from('k'), value: Buffer.from('not json') }
    await log.sink.append([{ ...bad, timestamp: Date.now(), headers: [] }])
    await produce(log, events, ...numbered(BEFORE))
    for (let start = 1; start <= 3; start++) {
      const app = await run(pipeline, { application: name('service'), log })
      app.ready.catch(() => {})
      await expect(app.closed).rejects.toMatchObject({ code: 'DECODE_FAILED', topic: events.name, offset: BEFORE })
      await app.close()
      expect(await recordsOf(log, results.name)).toHaveLength(BEFORE)
    }
  },
)
