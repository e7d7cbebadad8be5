import { JoineryError } from '@joinery/core'
import type { LogSource, TopicInfo } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import type { ReceivedRequestOf, RequestOf } from '../../src/protocol/api.js'
import type { CREATE_TOPICS } from '../../src/protocol/create-topics.js'
import { CODE } from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { KafkaTasks, type WriterOptions } from '../../src/writer/group-commit/kafka-tasks.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { carry } from '../support/carry.js'
import { ScriptedKafka } from './scripted-kafka.js'

const APPLICATION = { application: 'app', partitions: 2, maxMessageBytes: 1_000 }
const ID = '00000000000000000000000000000001'
const ROOM = String(1_000 + 128 * 1_024)
const OPTIONS: Omit<WriterOptions, 'topics'> = {
  changelog: { replicationFactor: undefined, config: {} },
  onNotice: () => {},
  retries: new OngoingRetries(undefined),
  throttling: { totalMs: 0, passedMs: 0 },
  transactionTimeoutMs: 1,
  deliveryTimeoutMs: 1,
  verifyMembership: async () => 'member',
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

type Made = ReceivedRequestOf<typeof CREATE_TOPICS>['topics'][number]

/** A refusal of the controller, by the name of its error code. */
interface Refusal {
  readonly code: keyof typeof CODE
  readonly reason?: string
}

/** Brokers without the application's topics, and a controller that creates them. */
function brokers({ count = 3, down = 0, existing = [] as readonly string[], options = OPTIONS } = {}) {
  const kafka = new ScriptedKafka({})
  kafka.configs['message.timestamp.type'] = 'LogAppendTime'
  kafka.configs['compression.type'] = 'producer'
  const requested: Made[] = []
  const made: Made[] = []
  /** The topics that are described as outputs. */
  const outputs = new Set<string>()
  const notices: JoineryError[] = []
  /** Failures after which the creation is retried. */
  const reports: string[] = []
  const fate = {
    /** How often metadata shows a new topic without leaders. */
    leaderless: 0,
    /** How often metadata does not contain a new topic. */
    unseen: 0,
    /** The errors of describing a new topic, in order. */
    unknown: [] as Error[],
    /** The refusals of a topic, in order. */
    refusals: [] as (Refusal | Error)[],
    /** The settings that a policy refuses. */
    forbidden: [] as string[],
    /** How many brokers the controller knows: it counts those that are down. */
    registered: count + down,
    /** How often metadata of the cluster was requested before each creation. */
    refreshes: 0,
  }
  const known = new Set<string>(existing)
  /** The controller's decision about one topic. */
  const create = (topic: Made): Refusal => {
    const refusal = fate.refusals.shift()
    if (refusal instanceof Error) throw refusal
    if (refusal?.code === 'TOPIC_ALREADY_EXISTS') known.add(topic.name)
    if (refusal !== undefined) return refusal
    const forbidden = topic.configs.find(({ name }) => fate.forbidden.includes(name))
    if (forbidden !== undefined) return { code: 'POLICY_VIOLATION', reason: `${forbidden.name} is not allowed` }
    if (topic.replicationFactor > fate.registered)
      return { code: 'INVALID_REPLICATION_FACTOR', reason: `only ${fate.registered} broker(s) are registered` }
    known.add(topic.name)
    made.push(topic)
    return { code: 'NONE' }
  }
  const cluster = {
    ...kafka.cluster,
    closed: new AbortController().signal,
    brokers: Array.from({ length: count }, (_, node) => node),
    requestController: async (api: typeof CREATE_TOPICS, sent: RequestOf<typeof CREATE_TOPICS>) => {
      const { request, respond } = carry(kafka.versions, api, sent)
      return respond({
        topics: request.topics.map((topic) => {
          requested.push(topic)
          const { code, reason = null } = create(topic)
          return { name: topic.name, topicId: ID, errorCode: CODE[code], errorMessage: reason, configs: null }
        }),
      })
    },
    refresh: async ([topic]: readonly string[]) => {
      if (topic === undefined) {
        fate.refreshes++
        return []
      }
      if (!known.has(topic) || fate.unseen-- > 0) return [{ topic, code: CODE.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] }]
      return [{ topic, code: CODE.NONE, leaders: fate.leaderless-- > 0 ? [1, -1] : [1, 0] }]
    },
  } as unknown as KafkaCluster
  const source = {
    describe: async ([topic]: readonly [string], written: readonly string[] = []) => {
      for (const output of written) outputs.add(output)
      const problem = fate.unknown.shift()
      if (problem !== undefined) throw problem
      return [{ ...CHANGELOG, topic }]
    },
  } as unknown as LogSource
  const onNotice = (notice: JoineryError) => notices.push(notice)
  const retries = new OngoingRetries((error) => reports.push(error.message))
  const tasks = new KafkaTasks(cluster, source, { ...options, onNotice, retries, topics: new OutputTopics(cluster) })
  return {
    clock: kafka.clock,
    requested,
    made,
    outputs,
    notices,
    reports,
    problems: () => retries.problems,
    fate,
    prepare: (reports = false, more: { readonly create?: boolean } = {}) =>
      tasks.prepare({ ...APPLICATION, reports, ...more }),
  }
}

const configOf = (topic: Made | undefined) =>
  Object.fromEntries((topic?.configs ?? []).map(({ name, value }) => [name, value]))

describe('an application that has no topics yet', () => {
  it('gets a changelog that is compacted, has LogAppendTime, and accepts records as large as the inputs do', async () => {
    const { made, notices, prepare } = brokers()
    expect(await prepare()).toEqual(CHANGELOG)
    expect(made).toMatchObject([{ name: 'app-changelog', numPartitions: 2, replicationFactor: 3 }])
    expect(configOf(made[0])).toEqual({
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'segment.bytes': '67108864',
      'segment.ms': '3600000',
      'delete.retention.ms': '86400000',
      'min.cleanable.dirty.ratio': '0.1',
      'max.message.bytes': ROOM,
      'compression.type': 'producer',
    })
    expect(notices).toEqual([])
  })

  it('gets a reports topic without retention, if it makes calls', async () => {
    const { made, prepare } = brokers()
    await prepare(true)
    expect(made.map(({ name }) => name)).toEqual(['app.calls.reports', 'app-changelog'])
    expect(made[0]).toMatchObject({ numPartitions: 2, replicationFactor: 3 })
    expect(configOf(made[0])).toEqual({
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'max.message.bytes': ROOM,
      'compression.type': 'producer',
    })
  })

  it.each([
    [1, 0, undefined, 1],
    [2, 0, undefined, 2],
    [5, 0, undefined, 3],
    [5, 0, 2, 2],
    [1, 0, 1, 1],
    [2, 1, undefined, 3],
    [1, 2, undefined, 3],
    [1, 1, undefined, 1],
  ])(
    'on %i brokers, while %i more are down, where %s replicas are requested, has %i',
    async (count, down, replicationFactor, expected) => {
      const options = { ...OPTIONS, changelog: { replicationFactor, config: {} } }
      const { made, clock, reports, prepare } = brokers({ count, down, options })
      await prepare()
      expect(made[0]?.replicationFactor).toBe(expected)
      expect([clock.waits, reports]).toEqual([[], []])
    },
  )

  it.each([
    [1, '1 replica only, because the cluster had no more broker:'],
    [2, '2 replicas only, because the cluster had no more brokers:'],
  ])('on %i brokers gives a notice: there may be more brokers later', async (count, words) => {
    const { notices, prepare } = brokers({ count })
    await prepare()
    expect(notices).toHaveLength(1)
    expect(notices[0]).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      topic: 'app-changelog',
      message: expect.stringContaining(`topic app-changelog was created with ${words}`),
    })
    expect(notices[0]?.message).toContain('kafka-reassign-partitions.sh')
  })

  it.each([
    ['that is requested', { options: { ...OPTIONS, changelog: { replicationFactor: 1, config: {} } } }],
    ['that another instance has chosen', { existing: ['app-changelog'] }],
  ])('gives no notice of a number %s', async (_, setup) => {
    const { notices, prepare } = brokers({ count: 1, ...setup })
    await prepare()
    expect(notices).toEqual([])
  })

  it('leaves existing topics unchanged', async () => {
    const { requested, prepare } = brokers({ existing: ['app-changelog', 'app.calls.reports'] })
    await prepare(true)
    expect(requested).toEqual([])
  })

  it.each([
    ['new', []],
    ['existing', ['app-changelog', 'app.calls.reports']],
  ])('writes to both: %s ones are described as outputs', async (_, existing) => {
    const { outputs, prepare } = brokers({ existing })
    await prepare(true)
    expect([...outputs]).toEqual(['app.calls.reports', 'app-changelog'])
  })

  it('accepts topics that another instance has created just before', async () => {
    const { made, notices, fate, prepare } = brokers()
    fate.refusals = [
      { code: 'TOPIC_ALREADY_EXISTS', reason: "Topic 'app.calls.reports' already exists." },
      { code: 'TOPIC_ALREADY_EXISTS', reason: "Topic 'app-changelog' already exists." },
    ]
    fate.leaderless = 1
    expect(await prepare(true)).toEqual(CHANGELOG)
    expect([made, notices]).toEqual([[], []])
  })

  it('creates nothing if it is only to check what exists', async () => {
    const { clock, fate, made, prepare } = brokers()
    fate.unknown = [new JoineryError('TOPIC_MISSING', 'app-changelog does not exist', { topic: 'app-changelog' })]
    await expect(prepare(false, { create: false })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'app-changelog',
      message: expect.stringMatching(
        /changelog app-changelog no longer exists, and the state in it is lost: start the application again/,
      ),
    })
    expect([made, clock.waits]).toEqual([[], []])
    fate.unknown = [new JoineryError('TOPIC_MISSING', 'it does not exist', { topic: 'app.calls.reports' })]
    await expect(prepare(true, { create: false })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'app.calls.reports',
      message: expect.stringMatching(/app\.calls\.reports no longer exists: reset the application, which creates it$/),
    })
    expect(await prepare(true, { create: false })).toEqual(CHANGELOG)
    expect(made).toEqual([])
  })

  it('waits until every partition has a leader', async () => {
    const { clock, fate, reports, prepare } = brokers()
    fate.leaderless = 3
    expect(await prepare()).toEqual(CHANGELOG)
    expect(clock.waits).toEqual([100, 100, 100])
    expect(reports).toEqual([])
  })

  it('reports that leaders are missing after a second, until they are there', async () => {
    const { fate, reports, problems, prepare } = brokers()
    fate.leaderless = 13
    await prepare()
    expect(reports).toHaveLength(3)
    expect(new Set(reports)).toEqual(new Set(['LOG_FAILED: topic app-changelog was created, but has no leaders yet']))
    expect(problems()).toEqual([])
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
  const unknown = new JoineryError('TOPIC_MISSING', 'topic app-changelog does not exist')

  it('gets the request again', async () => {
    const { clock, fate, prepare } = brokers()
    fate.unknown = [unknown, unknown]
    expect(await prepare()).toEqual(CHANGELOG)
    expect(clock.waits).toEqual([100, 100])
  })

  it('does not get the request forever', async () => {
    const { clock, fate, prepare } = brokers()
    fate.unknown = Array.from({ length: 1_000 }, () => unknown)
    await expect(prepare()).rejects.toBe(unknown)
    expect(clock.waits).toHaveLength(49) // five seconds
  })

  it.each([
    new JoineryError('NOT_AUTHORIZED', 'this user is not allowed to describe topic app-changelog'),
    new JoineryError('LOG_FAILED', 'no broker', { retriable: true }),
    new Error('something else'),
  ])('does not get the request again for another reason: %s', async (error) => {
    const { fate, prepare } = brokers()
    fate.unknown = [error, error]
    await expect(prepare()).rejects.toBe(error)
    expect(fate.unknown).toHaveLength(1)
  })
})

describe('a topic whose settings the cluster refuses', () => {
  const TUNING = ['segment.bytes', 'segment.ms', 'delete.retention.ms', 'min.cleanable.dirty.ratio']
  const NEEDED = {
    'cleanup.policy': 'compact',
    'message.timestamp.type': 'LogAppendTime',
    'max.message.bytes': ROOM,
  }

  it('is created without the tuning first, with one notice', async () => {
    const { requested, made, notices, fate, prepare } = brokers()
    fate.forbidden = ['segment.ms']
    expect(await prepare()).toEqual(CHANGELOG)
    expect(requested).toHaveLength(2)
    expect(made.map(configOf)).toEqual([{ ...NEEDED, 'compression.type': 'producer' }])
    expect(notices).toHaveLength(1)
    expect(notices[0]).toMatchObject({ topic: 'app-changelog' })
    for (const words of [...TUNING, 'app-changelog', 'POLICY_VIOLATION', 'segment.ms is not allowed'])
      expect(notices[0]?.message).toContain(words)
    expect(notices[0]?.message).not.toContain('compression.type')
  })

  it('is created without compression.type then, still with one notice', async () => {
    const { requested, made, notices, fate, prepare } = brokers()
    fate.forbidden = ['segment.ms', 'compression.type']
    expect(await prepare()).toEqual(CHANGELOG)
    expect(requested).toHaveLength(3)
    expect(made.map(configOf)).toEqual([NEEDED])
    expect(notices).toHaveLength(1)
    for (const words of [...TUNING, 'compression.type']) expect(notices[0]?.message).toContain(words)
  })

  it.each(['POLICY_VIOLATION', 'INVALID_CONFIG'] as const)(
    'is not created if nothing can be left out after %s: the error says with which settings to create it',
    async (code) => {
      const { requested, notices, fate, prepare } = brokers()
      const reason = 'LogAppendTime is not allowed here'
      fate.refusals = Array.from({ length: 10 }, () => ({ code, reason }))
      await expect(prepare()).rejects.toMatchObject({
        code: 'LOG_FAILED',
        retriable: false,
        topic: 'app-changelog',
        message: expect.stringContaining(
          `cannot create topic app-changelog (${code}: ${reason}): create it yourself, with at least cleanup.policy=compact, message.timestamp.type=LogAppendTime, max.message.bytes=${ROOM}`,
        ),
      })
      expect(requested).toHaveLength(3)
      expect(notices).toEqual([])
    },
  )

  it('keeps the settings of the options', async () => {
    const config = { 'segment.ms': 5, 'min.insync.replicas': 2 }
    const options = { ...OPTIONS, changelog: { replicationFactor: undefined, config } }
    const { made, notices, fate, prepare } = brokers({ options })
    fate.forbidden = ['segment.bytes']
    await prepare()
    expect(configOf(made[0])).toMatchObject({ ...NEEDED, 'segment.ms': '5', 'min.insync.replicas': '2' })
    expect(notices[0]?.message).not.toContain('segment.ms')
  })
})

describe('a topic that cannot be created', () => {
  it.each(['NOT_CONTROLLER', 'REQUEST_TIMED_OUT', 'LEADER_NOT_AVAILABLE', 'THROTTLING_QUOTA_EXCEEDED'] as const)(
    'now, because of %s, is created after a pause, by the controller that the cluster has then',
    async (code) => {
      const { clock, requested, made, notices, fate, prepare } = brokers()
      fate.refusals = [{ code }, { code }]
      expect(await prepare()).toEqual(CHANGELOG)
      expect([requested.length, made.length, fate.refreshes, clock.waits]).toEqual([3, 1, 3, [100, 100]])
      expect(requested.map(configOf)).toEqual(made.flatMap((each) => [each, each, each].map(configOf)))
      expect(notices).toEqual([])
    },
  )

  it('for a minute is a retriable error', async () => {
    const { clock, fate, prepare } = brokers()
    fate.refusals = Array.from({ length: 1_000 }, () => ({ code: 'NOT_CONTROLLER' as const }))
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      topic: 'app-changelog',
      message: expect.stringContaining('cannot create topic app-changelog (NOT_CONTROLLER)'),
    })
    expect(clock.waits).toHaveLength(600)
  })

  it('because the response was lost is created again, which is reported: it may exist already', async () => {
    const { requested, made, reports, problems, fate, prepare } = brokers()
    const lost = new JoineryError('LOG_FAILED', 'CreateTopics request timed out', { retriable: true })
    fate.refusals = [lost, { code: 'TOPIC_ALREADY_EXISTS' }]
    expect(await prepare()).toEqual(CHANGELOG)
    expect([requested.length, made.length]).toEqual([2, 0])
    expect(reports).toEqual([expect.stringContaining('CreateTopics request timed out')])
    expect(problems()).toEqual([])
  })

  it.each(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED'] as const)(
    'for lack of an ACL: %s',
    async (code) => {
      const { requested, fate, prepare } = brokers()
      fate.refusals = [{ code, reason: 'Authorization failed.' }]
      await expect(prepare()).rejects.toMatchObject({
        code: 'NOT_AUTHORIZED',
        retriable: false,
        topic: 'app-changelog',
        message: expect.stringContaining(
          `create topic app-changelog (${code}: Authorization failed.): add the ACL Create on it, or create it yourself`,
        ),
      })
      expect(requested).toHaveLength(1)
    },
  )

  it('for another reason: the error contains the words of the broker', async () => {
    const { requested, fate, prepare } = brokers()
    const reason = 'The request is malformed.'
    fate.refusals = [{ code: 'UNKNOWN_SERVER_ERROR', reason }]
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: false,
      topic: 'app-changelog',
      message: `LOG_FAILED: cannot create topic app-changelog (UNKNOWN_SERVER_ERROR: ${reason})`,
    })
    expect(requested).toHaveLength(1)
  })

  it('because its name collides with another topic: the error says to choose another one', async () => {
    const { requested, fate, prepare } = brokers()
    const reason = "Topic 'app-changelog' collides with existing topic: app_changelog"
    fate.refusals = [{ code: 'INVALID_TOPIC_EXCEPTION', reason }]
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: false,
      message: `LOG_FAILED: cannot create topic app-changelog (INVALID_TOPIC_EXCEPTION: ${reason}): choose another application name`,
    })
    expect(requested).toHaveLength(1)
  })

  describe('for lack of brokers', () => {
    const changelog = { replicationFactor: 3, config: {} }
    const words =
      'cannot create topic app-changelog (INVALID_REPLICATION_FACTOR: only 2 broker(s) are registered): start or add brokers, or lower changelog.replicationFactor'

    it('is created with as many replicas as were requested once they start; until then it is reported', async () => {
      const { clock, made, reports, problems, notices, fate, prepare } = brokers({
        count: 2,
        options: { ...OPTIONS, changelog },
      })
      const preparing = prepare()
      while (clock.waits.length < 5) await clock.yieldToEventLoop()
      expect(problems()).toEqual([expect.stringContaining(words)])
      fate.registered = 3
      expect(await preparing).toEqual(CHANGELOG)
      expect(made).toMatchObject([{ replicationFactor: 3 }])
      expect(reports.length).toBeGreaterThanOrEqual(5)
      expect([problems(), notices]).toEqual([[], []])
    })

    it('for half a minute is a retriable error that says what to do', async () => {
      const { clock, made, prepare } = brokers({ count: 2, options: { ...OPTIONS, changelog } })
      await expect(prepare()).rejects.toMatchObject({
        code: 'LOG_FAILED',
        retriable: true,
        topic: 'app-changelog',
        message: `LOG_FAILED: ${words}`,
      })
      expect([clock.waits.length, made]).toEqual([300, []])
    })

    it('gets three replicas if all were down for the moment', async () => {
      const { made, notices, fate, prepare } = brokers()
      const reason = 'All brokers are currently fenced.'
      fate.refusals = Array.from({ length: 6 }, () => ({ code: 'INVALID_REPLICATION_FACTOR' as const, reason }))
      await prepare()
      expect([made.map(({ replicationFactor }) => replicationFactor), notices]).toEqual([[3], []])
    })
  })

  it('because no broker can be reached for a minute', async () => {
    const { clock, fate, prepare } = brokers()
    const error = new JoineryError('LOG_FAILED', 'no broker can be reached', { retriable: true })
    fate.refusals = Array.from({ length: 1_000 }, () => error)
    await expect(prepare()).rejects.toBe(error)
    expect(clock.waits).toHaveLength(600)
  })

  it('because the brokers respond with an error about none of the topics: it is retriable', async () => {
    const { fate, prepare } = brokers()
    fate.refusals = [new ProtocolError(CODE.UNKNOWN_SERVER_ERROR, 'Metadata')]
    await expect(prepare()).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('Metadata failed with UNKNOWN_SERVER_ERROR'),
    })
  })

  it('because this client is refused', async () => {
    const { requested, fate, prepare } = brokers()
    const error = new JoineryError('NOT_AUTHORIZED', 'the broker rejected the credentials')
    fate.refusals = [error]
    await expect(prepare()).rejects.toBe(error)
    expect(requested).toHaveLength(1)
  })
})
