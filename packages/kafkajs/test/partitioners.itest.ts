import { crc32 } from 'node:zlib'
import { type AppEvent, json, produce, run, stream, table, text, topic } from '@joinery/core'
import kafkajs from 'kafkajs'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const PARTITIONS = 6
const COUNT = 600
const keys = Array.from({ length: COUNT }, (_, i) => `k${i}`)

/** The default partitioner of librdkafka. */
const byCrc32 = () => (args: { message: { key?: unknown } }) => crc32(String(args.message.key)) % PARTITIONS

describe.skipIf(brokers.length === 0)('producers with the partitioner of librdkafka', () => {
  let name: (topic: string) => string
  const topics = () => ({
    events: topic(name('events'), { key: text(), value: json<{ key: string }>() }),
    rows: topic(name('rows'), { key: text(), value: json<{ key: string }>() }),
    results: topic(name('results'), { key: text(), value: json<{ key: string }>() }),
  })

  beforeEach(async () => {
    name = unique()
    const { events, rows, results } = topics()
    await createTopics(
      { brokers },
      ...[events, results].map((each) => ({ topic: each.name, partitions: PARTITIONS })),
      { topic: rows.name, partitions: PARTITIONS, config: { 'cleanup.policy': 'compact' } },
    )
  })

  const sendByCrc32 = async (topic: string) => {
    const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    const producer = client.producer({ createPartitioner: byCrc32 })
    await producer.connect()
    await producer.send({ topic, messages: keys.map((key) => ({ key, value: JSON.stringify({ key }) })) })
    await producer.disconnect()
  }

  it('of the events only: it is reported that keys cannot meet, and why', async () => {
    const { events, rows, results } = topics()
    await using log = kafkaLog({ brokers })
    await produce(log, rows, ...keys.map((key) => ({ key, value: { key } })))
    await sendByCrc32(events.name)
    const reported: AppEvent[] = []
    const onEvent = (event: AppEvent) => void (event.type === 'keys-differ' && reported.push(event))
    const pipeline = stream(events)
      .join(table(rows), (event) => event, { wait: { atMost: '1h', otherwise: 'drop' } })
      .to(results)
    await using app = await run(pipeline, { application: name('service'), log, onEvent })
    await expect.poll(() => app.metrics().pipelines[events.name]?.in, LIMIT).toBe(COUNT)
    const reason = expect.stringMatching(
      new RegExp(`${events.name} where CRC32 .* [(]${events.name}: set partitioner=murmur2_random in its producers`),
    )
    await expect
      .poll(() => reported, LIMIT)
      .toEqual([{ type: 'keys-differ', pipeline: events.name, table: rows.name, reason }])
    expect(app.health().problems).toEqual([
      expect.stringContaining(`pipeline ${events.name} and table ${rows.name} cannot match`),
    ])
  }, 60_000)

  it('of both sides: all events are joined, a query finds each row, and nothing is reported', async () => {
    const { events, rows, results } = topics()
    await using log = kafkaLog({ brokers })
    await sendByCrc32(rows.name)
    await sendByCrc32(events.name)
    const information = table(rows)
    const pipeline = stream(events)
      .join(information, (event) => event)
      .to(results)
    await using app = await run(pipeline, { application: name('service'), log })
    await app.ready
    await expect.poll(() => app.metrics().pipelines[events.name]?.in, LIMIT).toBe(COUNT)
    expect(app.metrics().pipelines[events.name]).toMatchObject({ emitted: COUNT })
    for (const key of keys) expect(await app.query(information).get(key)).toEqual({ key })
    expect(await app.query(information).get('another')).toBeUndefined()
    expect(app.health().problems).toEqual([])
  }, 60_000)
})
