import { produce, run, stream, table } from '@joinery/core'
import kafkajs from 'kafkajs'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { type TestJoin, testJoin } from './support/join.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const { CompressionTypes, CompressionCodecs } = kafkajs
const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }

describe('compression', () => {
  let name: (topic: string) => string
  let join: TestJoin
  const codecs = { ...CompressionCodecs }

  beforeEach(async () => {
    name = unique()
    join = testJoin(name)
    const { activations, information, notifications, dead } = join
    await createTopics(
      { brokers },
      ...[activations.name, information.name, notifications.name, dead].map((topic) => ({ topic, partitions: 1 })),
    )
  })
  afterEach(() => {
    Object.assign(CompressionCodecs, codecs)
  })

  /** As another service would send it. */
  const produceCompressed = async (topic: string, compression: kafkajs.CompressionTypes, values: readonly object[]) => {
    const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
    const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    await producer.connect()
    await producer.send({
      topic,
      compression,
      messages: values.map((value) => ({ key: 'p', value: JSON.stringify(value) })),
    })
    await producer.disconnect()
  }
  /** As another service would read it: the values, and whether their batch was compressed. */
  const consume = async (topic: string, count: number): Promise<string[]> => {
    const client = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
    const consumer = client.consumer({ groupId: name('reader'), maxWaitTimeInMs: 100 })
    const found: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void found.push(String(message.value)) })
    await expect.poll(() => found.length, LIMIT).toBe(count)
    await consumer.disconnect()
    return found
  }
  const activations = Array.from({ length: 500 }, (_, id) => ({ id, productId: 'p' }))

  it('gzip is read, and written if configured', async () => {
    let decompressed = 0
    const gzip = codecs[CompressionTypes.GZIP] as () => { decompress(bytes: Buffer): Promise<Buffer> }
    CompressionCodecs[CompressionTypes.GZIP] = () => ({
      ...gzip(),
      decompress: (bytes: Buffer) => {
        decompressed++
        return gzip().decompress(bytes)
      },
    })
    await produceCompressed(join.information.name, CompressionTypes.GZIP, [{ externalId: 'x' }])
    await produceCompressed(join.activations.name, CompressionTypes.GZIP, activations)
    await using log = kafkaLog({ brokers, compression: 'gzip' })
    await using app = await run(join.pipeline, { application: name('service'), log })
    await expect
      .poll(() => app.metrics().pipelines[join.activations.name], LIMIT)
      .toMatchObject({ in: activations.length, emitted: activations.length })

    const values = await consume(join.notifications.name, activations.length)
    expect(values.map((value) => JSON.parse(value))).toEqual(activations.map((each) => ({ ...each, externalId: 'x' })))
    expect(decompressed).toBeGreaterThan(0)
    // our own reader too
    expect((await recordsOf(log, join.notifications.name)).length).toBe(activations.length)
  }, 60_000)

  it.each(['snappy', 'lz4', 'zstd'])(
    '%s ends the application with an error that names it',
    async (codec) => {
      // brokers recompress what they receive, if the topic says so
      const activations = { ...join.activations, name: name(codec) }
      await createTopics({ brokers }, { topic: activations.name, partitions: 1, config: { 'compression.type': codec } })
      await using log = kafkaLog({ brokers })
      await produce(log, activations, { key: 'p', value: { id: 1, productId: 'p' } })
      const pipeline = stream(activations)
        .join(table(join.information), (activation, { externalId }) => ({ ...activation, externalId }))
        .to(join.notifications)
      const app = await run(pipeline, { application: name('service'), log })
      await expect(app.closed).rejects.toMatchObject({
        code: 'CODEC_UNSUPPORTED',
        message: expect.stringContaining(codec),
        topic: activations.name,
        partition: 0,
      })
    },
    60_000,
  )
})
