import { JoineryError } from '@joinery/core'
import type { LogSource, TopicInfo } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { KafkaTasks, type WriterOptions } from '../../src/writer/kafka-tasks.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { ScriptedKafka } from './scripted-kafka.js'

const APPLICATION = { application: 'app', partitions: 2, maxMessageBytes: 1_000 }
const ROOM = String(1_000 + 128 * 1_024)
const OPTIONS: Omit<WriterOptions, 'topics'> = {
  changelog: { replicationFactor: undefined, config: {} },
  onNotice: () => {},
  transactionTimeoutMs: 1,
  codec: 'none',
  publish: () => {},
}
const CHANGELOG: TopicInfo = {
  topic: 'app-changelog',
  id: 'id',
  partitions: 2,
  cleanup: 'compact',
  deleteRetentionMs: 1,
  maxMessageBytes: 200_000,
}

interface Made {
  readonly topic: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configEntries: readonly { readonly name: string; readonly value: string }[]
}

/** Brokers without the application's topics, and an admin client that creates them. */
function brokers({ count = 3, existing = [] as readonly string[], options = OPTIONS } = {}) {
  const kafka = new ScriptedKafka({})
  kafka.configs['message.timestamp.type'] = 'LogAppendTime'
  const made: Made[] = []
  const admins: string[] = []
  const fate = {
    /** How often metadata shows a new topic without leaders. */
    leaderless: 0,
    /** How often metadata does not contain a new topic. */
    unseen: 0,
    /** The errors of describing a new topic, in order. */
    unknown: [] as Error[],
    creation: undefined as Error | undefined,
    /** The error of connecting. */
    connection: undefined as Error | undefined,
    /** Whether another instance creates each topic just before. */
    isOvertaken: false,
  }
  const known = new Set<string>(existing)
  const admin = () => ({
    connect: async () => {
      if (fate.connection !== undefined) throw fate.connection
      admins.push('connected')
    },
    disconnect: async () => void admins.push('disconnected'),
    describeCluster: async () => ({ brokers: Array.from({ length: count }) }),
    createTopics: async ({ topics, waitForLeaders }: { topics: readonly Made[]; waitForLeaders: boolean }) => {
      expect(waitForLeaders).toBe(false)
      if (fate.creation !== undefined) throw fate.creation
      for (const topic of topics) {
        known.add(topic.topic)
        if (!fate.isOvertaken) made.push(topic)
      }
      return !fate.isOvertaken
    },
  })
  const cluster = {
    ...kafka.cluster,
    kafka: { admin },
    refresh: async ([topic]: readonly [string]) => {
      if (!known.has(topic) || fate.unseen-- > 0) return [{ topic, code: CODE.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] }]
      return [{ topic, code: CODE.NONE, leaders: fate.leaderless-- > 0 ? [1, -1] : [1, 0] }]
    },
  } as unknown as KafkaCluster
  const source = {
    describe: async ([topic]: readonly [string]) => {
      const problem = fate.unknown.shift()
      if (problem !== undefined) throw problem
      return [{ ...CHANGELOG, topic }]
    },
  } as unknown as LogSource
  const tasks = new KafkaTasks(cluster, source, { ...options, topics: new OutputTopics(cluster) })
  return {
    clock: kafka.clock,
    made,
    admins,
    fate,
    prepare: (reports = false) => tasks.prepare({ ...APPLICATION, reports }),
  }
}

const configOf = (topic: Made | undefined) =>
  Object.fromEntries((topic?.configEntries ?? []).map(({ name, value }) => [name, value]))

describe('an application that has no topics yet', () => {
  it('gets a changelog that is compacted, has LogAppendTime, and accepts records as large as the inputs do', async () => {
    const { made, admins, prepare } = brokers()
    expect(await prepare()).toEqual(CHANGELOG)
    expect(made).toMatchObject([{ topic: 'app-changelog', numPartitions: 2, replicationFactor: 3 }])
    expect(configOf(made[0])).toEqual({
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'segment.bytes': '67108864',
      'segment.ms': '3600000',
      'delete.retention.ms': '86400000',
      'min.cleanable.dirty.ratio': '0.1',
      'max.message.bytes': ROOM,
    })
    expect(admins).toEqual(['connected', 'disconnected'])
  })

  it('gets a reports topic without retention, if it makes calls', async () => {
    const { made, prepare } = brokers()
    await prepare(true)
    expect(made.map(({ topic }) => topic)).toEqual(['app.calls.reports', 'app-changelog'])
    expect(made[0]).toMatchObject({ numPartitions: 2, replicationFactor: 3 })
    expect(configOf(made[0])).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'max.message.bytes': ROOM,
    })
  })

  it.each([
    [1, undefined, 1],
    [2, undefined, 2],
    [5, undefined, 3],
    [5, 2, 2],
  ])('on %i brokers, where %s replicas are requested, has %i', async (count, replicationFactor, expected) => {
    const { made, prepare } = brokers({ count, options: { ...OPTIONS, replicationFactor } })
    await prepare()
    expect(made[0]?.replicationFactor).toBe(expected)
  })

  it('leaves existing topics unchanged', async () => {
    const { made, admins, prepare } = brokers({ existing: ['app-changelog', 'app.calls.reports'] })
    await prepare(true)
    expect([made, admins]).toEqual([[], []])
  })

  it('accepts topics that another instance has created just before', async () => {
    const { made, fate, prepare } = brokers()
    fate.isOvertaken = true
    expect(await prepare(true)).toEqual(CHANGELOG)
    expect(made).toEqual([])
  })

  it('waits until every partition has a leader', async () => {
    const { clock, fate, prepare } = brokers()
    fate.leaderless = 3
    expect(await prepare()).toEqual(CHANGELOG)
    expect(clock.waits).toEqual([100, 100, 100])
  })

  it('waits until brokers have it', async () => {
    const { clock, fate, prepare } = brokers()
    fate.unseen = 3
    expect(await prepare()).toEqual(CHANGELOG)
    expect(clock.waits).toEqual([100, 100, 100])
  })

  it('does not wait for leaders forever', async () => {
    const { clock, fate, prepare } = brokers()
    fate.leaderless = Number.POSITIVE_INFINITY
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      topic: 'app-changelog',
      message: expect.stringContaining('app-changelog was created, but has no leaders'),
    })
    expect(clock.waits).toHaveLength(299) // half a minute
  })
})

describe('a broker that does not have a new topic yet', () => {
  const unknown = [
    new ProtocolError(CODE.UNKNOWN_TOPIC_OR_PARTITION, 'DescribeConfigs of app-changelog'),
    new JoineryError('TOPIC_MISSING', 'topic app-changelog does not exist'),
  ]

  it('gets the request again', async () => {
    const { clock, fate, prepare } = brokers()
    fate.unknown = [...unknown]
    expect(await prepare()).toEqual(CHANGELOG)
    expect(clock.waits).toEqual([100, 100])
  })

  it('does not get the request forever', async () => {
    const { clock, fate, prepare } = brokers()
    fate.unknown = Array.from({ length: 1_000 }, () => unknown[1] as Error)
    await expect(prepare()).rejects.toBe(unknown[1])
    expect(clock.waits).toHaveLength(49) // five seconds
  })

  it.each([
    new ProtocolError(CODE.TOPIC_AUTHORIZATION_FAILED, 'DescribeConfigs of app-changelog'),
    new JoineryError('LOG_FAILED', 'no broker', { retriable: true }),
    new Error('something else'),
  ])('does not get the request again for another reason: %s', async (error) => {
    const { fate, prepare } = brokers()
    fate.unknown = [error, error]
    await expect(prepare()).rejects.toBe(error)
    expect(fate.unknown).toHaveLength(1)
  })
})

/** The error of kafkajs if brokers reject a topic. */
const refused = (type: string, message: string, retriable: boolean): Error =>
  Object.assign(new Error('Topic creation errors'), {
    errors: [Object.assign(new Error(message), { type, retriable })],
  })

describe('a topic that cannot be created', () => {
  it.each(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'])('for lack of an ACL: %s', async (type) => {
    const { admins, fate, prepare } = brokers()
    fate.creation = refused(type, 'Not authorized', false)
    await expect(prepare()).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      retriable: false,
      topic: 'app-changelog',
      cause: { type },
      message: expect.stringContaining(
        `create topic app-changelog (${type}): add the ACL Create on it, or create it yourself`,
      ),
    })
    expect(admins).toEqual(['connected', 'disconnected'])
  })

  it.each([
    ['INVALID_REPLICATION_FACTOR', 'Replication-factor is invalid', false],
    ['REQUEST_TIMED_OUT', 'The request timed out', true],
  ])('for a reason of the brokers: %s', async (type, message, retriable) => {
    const { fate, prepare } = brokers()
    fate.creation = refused(type, message, retriable)
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable,
      topic: 'app-changelog',
      cause: { type },
      message: expect.stringContaining(`cannot create topic app-changelog: ${message}`),
    })
  })

  it.each([
    ['connection', 'no broker can be reached', 'KafkaJSConnectionError', 'LOG_FAILED', true],
    ['connection', 'brokers do not accept the credentials', 'KafkaJSSASLAuthenticationError', 'NOT_AUTHORIZED', false],
    ['creation', 'the connection ends', 'KafkaJSConnectionClosedError', 'LOG_FAILED', true],
  ] as const)('because at its %s %s', async (stage, _, name, code, retriable) => {
    const { admins, fate, prepare } = brokers()
    fate[stage] = Object.assign(new Error('a reason'), { name })
    await expect(prepare()).rejects.toMatchObject({
      code,
      retriable,
      cause: fate[stage],
      message: expect.stringMatching(/cannot create topic app-changelog: .*a reason/),
    })
    expect(admins.at(-1)).toBe('disconnected')
  })
})
