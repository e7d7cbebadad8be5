import { describe, expect, it } from 'vitest'
import { DESCRIBE_CONFIGS } from '../../src/protocol/describe-configs.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { KafkaSource } from '../../src/reader/kafka-source.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'

const LIMITS = { maxBytes: 1, maxPartitionBytes: 1, prefetchBytes: 1, maxDecompressedBytes: 1, rack: '' }
const VALUES = { 'cleanup.policy': 'compact', 'delete.retention.ms': '1', 'max.message.bytes': '1000' }

/** Brokers whose responses have error codes; `undefined`: none. */
interface Codes {
  readonly metadata?: (node: number, count: number) => number
  readonly configs?: (count: number) => number | undefined
}

/** A topic on brokers that respond with these codes. `count` is the number of the request. */
function topicOn(brokers: number, { metadata = () => 0, configs = () => 0 }: Codes) {
  const kafka = new FakeBrokers(brokers)
  let described = 0
  const asked = new Map<number, number>()
  kafka.on(METADATA, ({ topics }, node) => ({
    brokers: kafka.brokers,
    controllerId: 1,
    topics: (topics ?? []).map(({ name }) => {
      const count = (asked.get(node) ?? 0) + 1
      asked.set(node, count)
      const errorCode = metadata(node, count)
      const partition = {
        errorCode: 0,
        partitionIndex: 0,
        leaderId: 1,
        replicaNodes: [],
        isrNodes: [],
        offlineReplicas: [],
      }
      const partitions = errorCode === 0 ? [partition] : []
      return { errorCode, name, topicId: '00000000000000000000000000000001', partitions }
    }),
    errorCode: 0,
  }))
  kafka.on(DESCRIBE_CONFIGS, ({ resources }) => {
    const errorCode = configs(++described)
    const entries = Object.entries(VALUES).map(([name, value]) => ({ name, value }))
    const flags = { readOnly: false, isSensitive: false, synonyms: [] }
    const results = resources.map(({ resourceType, resourceName }) => ({
      errorCode: errorCode ?? 0,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: errorCode === 0 ? entries.map((each) => ({ ...each, ...flags })) : [],
    }))
    return { results: errorCode === undefined ? [] : results }
  })
  const cluster = kafka.cluster()
  const topics = new OutputTopics(cluster)
  const operations = {
    describing: () => new KafkaSource(cluster, LIMITS, { onRetry: () => {} }).describe(['orders']),
    'looking up an output': async () => {
      await topics.lookUp(['orders'])
      return [topics.get('orders')]
    },
  }
  return { kafka, operations }
}
const OPERATIONS = ['describing', 'looking up an output'] as const

describe.each(OPERATIONS)('%s', (operation) => {
  const UNKNOWN = CODE.UNKNOWN_TOPIC_OR_PARTITION

  it.each([1, 3])('a topic that none of %i brokers knows fails at once', async (count) => {
    const { kafka, operations } = topicOn(count, { metadata: () => UNKNOWN })
    const outcome = outcomeOf<unknown>(operations[operation]())
    await kafka.settled()
    expect(outcome.error).toMatchObject({ code: 'TOPIC_MISSING', retriable: false, topic: 'orders' })
  })

  it('a topic that is missing fails within seconds although another broker does not respond', async () => {
    const { kafka, operations } = topicOn(3, { metadata: () => UNKNOWN })
    kafka.broker(3).state = 'frozen'
    const outcome = outcomeOf<unknown>(operations[operation]())
    await kafka.advance(1_000)
    expect(outcome.error).toMatchObject({ code: 'TOPIC_MISSING' })
  })

  it('a topic that a broker does not know yet succeeds once it does', async () => {
    const { kafka, operations } = topicOn(3, { metadata: (node, count) => (node === 1 && count <= 8 ? UNKNOWN : 0) })
    const outcome = outcomeOf<unknown>(operations[operation]())
    await kafka.advance(1_000)
    expect(outcome.result).toEqual([expect.objectContaining({ partitions: 1, maxMessageBytes: 1_000 })])
  })

  it.each(['LEADER_NOT_AVAILABLE', 'UNKNOWN_SERVER_ERROR', 'REQUEST_TIMED_OUT'] as const)(
    'a topic is not missing if a broker responds with %s: it succeeds when the broker can describe it',
    async (name) => {
      const { kafka, operations } = topicOn(3, { metadata: (_, count) => (count <= 3 ? CODE[name] : 0) })
      const outcome = outcomeOf<unknown>(operations[operation]())
      await kafka.advance(1_000)
      expect(outcome.result).toHaveLength(1)
    },
  )

  it.each([
    ['one broker never knows it', { metadata: (node: number) => (node === 1 ? UNKNOWN : 0) }],
    ['it has no leaders', { metadata: () => CODE.LEADER_NOT_AVAILABLE }],
    ['its configuration is not available', { configs: () => CODE.REQUEST_TIMED_OUT }],
    ['its configuration is left out', { configs: () => undefined }],
  ])('a topic fails with a retriable error after five seconds if %s', async (_, codes) => {
    const { kafka, operations } = topicOn(3, codes)
    const outcome = outcomeOf<unknown>(operations[operation]())
    await kafka.advance(4_800)
    expect(outcome.isSettled).toBe(false)
    await kafka.advance(200)
    expect(outcome.error).toMatchObject({ code: 'LOG_FAILED', retriable: true, topic: 'orders' })
  })

  it.each(['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_SERVER_ERROR', 'REQUEST_TIMED_OUT'] as const)(
    'a topic whose configuration a broker does not have for the moment (%s) succeeds when it has',
    async (name) => {
      const { kafka, operations } = topicOn(3, { configs: (count) => (count <= 3 ? CODE[name] : 0) })
      const outcome = outcomeOf<unknown>(operations[operation]())
      await kafka.advance(1_000)
      expect(outcome.result).toHaveLength(1)
    },
  )

  it('a topic without an ACL fails at once', async () => {
    for (const codes of [
      { metadata: () => CODE.TOPIC_AUTHORIZATION_FAILED },
      { configs: () => CODE.TOPIC_AUTHORIZATION_FAILED },
    ]) {
      const { kafka, operations } = topicOn(3, codes)
      const outcome = outcomeOf<unknown>(operations[operation]())
      await kafka.settled()
      expect(outcome.error).toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false, topic: 'orders' })
    }
  })
})
