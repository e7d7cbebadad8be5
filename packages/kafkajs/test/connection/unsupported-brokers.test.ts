import type { LogSource } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { BrokerVersions } from '../../src/connection/broker-versions.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import { GroupOffsets } from '../../src/membership/group-offsets.js'
import type { KafkaGroup } from '../../src/membership/kafka-group.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../src/protocol/create-topics.js'
import { KafkaSource } from '../../src/reader/kafka-source.js'
import { KafkaTasks } from '../../src/writer/group-commit/kafka-tasks.js'
import { KafkaSink } from '../../src/writer/kafka-sink.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { createTopic } from '../../src/writer/topic-creation.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'
import { apiKeysOf } from '../support/releases.js'
import { ScriptedKafka } from '../writer/scripted-kafka.js'

const LIMITS = { maxBytes: 1, maxPartitionBytes: 1, prefetchBytes: 1, maxDecompressedBytes: 1, rack: '' }
const AT = { topic: 'a', partition: 0 }
const TASK = { application: 'app', task: 0 }

/** A broker that lacks one API, or has only a version of it that is too old or too new. */
function lacking(key: number, versions?: { readonly minVersion: number; readonly maxVersion: number }) {
  const kafka = new ScriptedKafka({ a: 1, 'app-changelog': 1 })
  const others = apiKeysOf('4.3').filter(({ apiKey }) => apiKey !== key)
  kafka.versions = new BrokerVersions('broker-1:9092', [...others, ...(versions ? [{ apiKey: key, ...versions }] : [])])
  const { cluster } = kafka
  const source = new KafkaSource(cluster, LIMITS, { onRetry: () => {} })
  const topics = new OutputTopics(cluster)
  const options = {
    changelog: { replicationFactor: 1, config: {} },
    onNotice: () => {},
    retries: new OngoingRetries(undefined),
    throttling: { totalMs: 0, passedMs: 0 },
    transactionTimeoutMs: 1_000,
    deliveryTimeoutMs: 1_000,
    verifyMembership: async () => 'member' as const,
    codec: 'none',
    topics,
    publish: () => {},
  } as const
  return { kafka, cluster, source, topics, tasks: new KafkaTasks(cluster, source as LogSource, options) }
}
type Parts = ReturnType<typeof lacking>

async function readFirst({ source }: Parts): Promise<void> {
  for await (const _ of source.read({ ...AT, offset: 0 }, new AbortController().signal)) return
}
const append = ({ cluster, topics }: Parts) =>
  new KafkaSink(cluster, 'none', topics).append([{ ...AT, key: null, value: null, timestamp: 0, headers: [] }])
const openTask = ({ tasks }: Parts) => tasks.open(TASK)
const noGroup = { membershipsOf: () => [] } as unknown as KafkaGroup
const openOffsets = ({ cluster }: Parts) => new GroupOffsets(cluster as KafkaCluster, noGroup).open(TASK)

describe('a broker without a version that is needed is one error, and nothing is retried', () => {
  it.each<[string, number, (parts: Parts) => Promise<unknown>]>([
    ['Fetch', 1, readFirst],
    ['ListOffsets', 2, ({ source }) => source.endOffset(AT, 'high-watermark')],
    ['DescribeConfigs', 32, ({ source }) => source.describe(['a'])],
    ['OffsetFetch', 9, openOffsets],
    ['InitProducerId', 22, append],
    ['InitProducerId', 22, openTask],
    ['Produce', 0, append],
    ['Produce', 0, openTask],
    ['AddPartitionsToTxn', 24, openTask],
    ['EndTxn', 26, openTask],
    ['EndTxn', 26, ({ tasks }) => tasks.prepare({ application: 'app', partitions: 1, maxMessageBytes: 1 })],
  ])('%s (API %i)', async (name, key, run) => {
    for (const versions of [undefined, { minVersion: 0, maxVersion: 0 }, { minVersion: 99, maxVersion: 99 }]) {
      const parts = lacking(key, versions)
      await expect(run(parts)).rejects.toMatchObject({
        code: 'CLIENT_UNSUPPORTED',
        retriable: false,
        message: expect.stringContaining(`broker broker-1:9092 does not support ${name} (it has `),
      })
      expect(parts.kafka.clock.waits).toEqual([])
    }
  })
})

describe('a broker without an API that the start needs', () => {
  it.each([
    ['JoinGroup', 11],
    ['SyncGroup', 14],
    ['Heartbeat', 12],
    ['LeaveGroup', 13],
  ])('is one error when the client connects: %s (API %i)', async (name, key) => {
    const kafka = new FakeBrokers()
    kafka.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('4.3').filter(({ apiKey }) => apiKey !== key) }))
    const outcome = outcomeOf(kafka.cluster().refresh([]))
    await kafka.settled()
    expect(outcome.error).toMatchObject({
      code: 'CLIENT_UNSUPPORTED',
      retriable: false,
      message: expect.stringContaining(`does not support ${name} (it has no version`),
    })
    expect([kafka.reports, kafka.clock.nextTimer]).toEqual([[], undefined])
  })

  it('is one error when a topic has to be created, if it lacks CreateTopics', async () => {
    const kafka = new FakeBrokers()
    const key = CREATE_TOPICS.key
    kafka.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('4.3').filter(({ apiKey }) => apiKey !== key) }))
    const { options } = kafka
    const cluster = kafka.cluster(options)
    const topic = { topic: 'new', partitions: 1, replicationFactor: 1, config: {}, optional: [] }
    const outcome = outcomeOf(createTopic(cluster, topic, { onNotice: () => {}, retries: options.retries }))
    await kafka.settled()
    expect(outcome.error).toMatchObject({
      code: 'CLIENT_UNSUPPORTED',
      retriable: false,
      message: expect.stringContaining('does not support CreateTopics (it has no version'),
    })
    expect(kafka.reports).toEqual([])
  })
})
