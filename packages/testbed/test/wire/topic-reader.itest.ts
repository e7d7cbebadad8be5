import kafkajs from 'kafkajs'
import { expect, inject, it } from 'vitest'
import { poll } from '../../src/poll.js'
import type {} from '../../src/vitest-setup.js'
import { TopicReader } from '../../src/wire/topic-reader.js'

const brokers = inject('brokers')
const [broker = ''] = brokers
const PARTITIONS = 3
const LIMIT_MS = 20_000

async function createTopic(admin: kafkajs.Admin, topic: string): Promise<void> {
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: false })
  const isLed = () =>
    admin.fetchTopicOffsets(topic).then(
      (offsets) => offsets.length === PARTITIONS,
      () => false,
    )
  expect(await poll(isLed, LIMIT_MS)).toBe(true)
}

it('a reader receives the committed records of the partitions that it follows, and none of aborted transactions', async () => {
  const topic = `reader-${Date.now()}`
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await createTopic(admin, topic)
  const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const write = async (value: string, end: 'commit' | 'abort') => {
    const transaction = await producer.transaction()
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    await transaction.send({ topic, messages: partitions.map((partition) => ({ partition, value })) })
    await transaction[end]()
  }
  const values: string[] = []
  const onRecord = ({ partition, value }: { readonly partition: number; readonly value: Buffer | null }) =>
    void values.push(`${partition}: ${value}`)
  await using reader = await TopicReader.open({ broker, topic, isolation: 'committed', onRecord })

  reader.follow()
  await write('first', 'commit')
  await write('second', 'abort')
  await write('third', 'commit')
  const expected = [0, 1, 2].flatMap((partition) => [`${partition}: first`, `${partition}: third`])
  await expect.poll(() => values.length).toBeGreaterThanOrEqual(expected.length)
  await reader.stop()
  expect(values.toSorted()).toEqual(expected)

  values.length = 0
  reader.follow((partition) => partition === 1)
  await write('fourth', 'commit')
  await expect.poll(() => values).toEqual(['1: fourth'])
  await reader.stop()
  await write('fifth', 'abort')
  await reader.readToEnd()
  expect(values.toSorted()).toEqual(['0: fourth', '1: fourth', '2: fourth'])
  await producer.disconnect()
  await admin.disconnect()
})

it('a topic that does not exist has no records', async () => {
  const fail = () => expect.unreachable()
  await using reader = await TopicReader.open({ broker, topic: 'none', isolation: 'uncommitted', onRecord: fail })
  await reader.readToEnd()
})
