import { randomBytes } from 'node:crypto'
import { isJoineryError, JoineryError } from '@joinery/core'
import {
  changelogOwner,
  type LogSource,
  type LogTasks,
  reportsTopic,
  type TaskSession,
  type TopicInfo,
  type TopicPartition,
} from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { describeConfigs } from '../reader/topic-configs.js'
import { CODE, ProtocolError } from '../wire/error-codes.js'
import { KafkaSession, lastOffset, type TopicSizes, writeBatches } from './kafka-session.js'
import { Producer } from './producer.js'
import { OpenBatches, type TopicFacts } from './sealed-batches.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { incurable } from './write-failure.js'

/** How tasks write. */
export interface WriterOptions {
  /** Replicas of the changelog; default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  readonly transactionTimeoutMs: number
  readonly codec: 'none' | 'gzip'
  /** Topics known from elsewhere; those that are asked about here are added. */
  readonly facts?: Map<string, TopicFacts>
  /** Told of processed offsets after each commit. */
  readonly published: (application: string, task: number, offsets: ReadonlyMap<string, number>) => void
}

const MIB = 2 ** 20
const CHANGELOG_ROOM = 128 * 2 ** 10
const HOUR_MS = 3_600_000
const POLL_MS = 5
const RETRY_MS = 100
const TRIES = 300
const MAX_REPLICAS = 3
const NEW_TRIES = 50
const NEW_MS = 100

type TopicConfig = Readonly<Record<string, string | number>>

const CHANGELOG: TopicConfig = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'segment.bytes': 64 * MIB,
  'segment.ms': HOUR_MS,
  'delete.retention.ms': 24 * HOUR_MS,
  'min.cleanable.dirty.ratio': 0.1,
}

/** Reports are few and small, and each may matter: they are kept for ever. */
const REPORTS: TopicConfig = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1 }

/** Sessions of tasks, as Kafka transactions: transactional id `<application>-<task>`, changelog `<application>-changelog`. */
export class KafkaTasks implements LogTasks<'exactly-once'> {
  readonly guarantees = ['exactly-once'] as const
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: WriterOptions
  readonly #facts: Map<string, TopicFacts>
  readonly #maxBytes = new Map<string, number>()
  #isSecondVersion: Promise<boolean> | undefined

  constructor(cluster: KafkaCluster, source: LogSource, options: WriterOptions) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
    this.#facts = options.facts ?? new Map()
  }

  /** How large a batch of each topic may be. */
  readonly sizes: TopicSizes = async (topics) => {
    const unknown = topics.filter((topic) => !this.#maxBytes.has(topic))
    if (unknown.length > 0) {
      for (const [topic, { maxMessageBytes }] of await describeConfigs(this.#cluster, unknown))
        this.#maxBytes.set(topic, maxMessageBytes)
    }
    return this.#maxBytes
  }

  async prepare({
    application,
    partitions,
    maxMessageBytes,
    reports = false,
  }: {
    readonly application: string
    readonly partitions: number
    readonly maxMessageBytes: number
    readonly reports?: boolean
  }): Promise<TopicInfo> {
    const topic = `${application}-changelog`
    const room = maxMessageBytes + CHANGELOG_ROOM
    if (reports) await this.#made(reportsTopic(application), partitions, { ...REPORTS, 'max.message.bytes': room })
    const info = await this.#made(topic, partitions, { ...CHANGELOG, 'max.message.bytes': room })
    const { timestampType } = (await describeConfigs(this.#cluster, [topic])).get(topic) ?? { timestampType: '' }
    const problems = [
      ...(info.cleanup === 'compact' ? [] : [`cleanup.policy is ${info.cleanup}, it has to be compact`]),
      ...(timestampType === 'LogAppendTime'
        ? []
        : [`message.timestamp.type is ${timestampType}, it has to be LogAppendTime`]),
      ...(info.maxMessageBytes >= maxMessageBytes
        ? []
        : [`max.message.bytes is ${info.maxMessageBytes}, an input has ${maxMessageBytes}`]),
    ]
    if (problems.length > 0)
      throw new JoineryError('TOPIC_UNSUITABLE', `${topic} cannot hold the state: ${problems.join('; ')}`, {
        topic,
        problems,
      })
    return info
  }

  /** Makes a topic unless it is there. */
  async #made(topic: string, partitions: number, config: TopicConfig): Promise<TopicInfo> {
    const [metadata] = await this.#cluster.refresh([topic])
    if (metadata?.code === CODE.UNKNOWN_TOPIC_OR_PARTITION) await this.#create(topic, partitions, config)
    const info = await this.#describeNew(topic)
    if (info.partitions === partitions) return info
    throw new JoineryError(
      'PARTITIONS_CHANGED',
      `${topic} has ${info.partitions} partitions, the inputs have ${partitions}: keys have moved, so give the application a new name, or reset it`,
      { topic },
    )
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const changelog = { topic: `${application}-changelog`, partition: task }
    const id = `${application}-${task}`
    const { transactionTimeoutMs, codec } = this.#options
    const { clock } = this.#cluster
    try {
      const isFlexible = await this.#speaksSecondVersion()
      const coordinator = new TransactionCoordinator(this.#cluster, id, transactionTimeoutMs, isFlexible)
      const producer = new Producer(this.#cluster, { transactionalId: id, lane: 'main', codec, isFlexible })
      producer.become(await coordinator.init())
      failpoint('open.fenced')
      const owner = { ...changelog, ...changelogOwner(randomBytes(16)), timestamp: clock.now(), headers: [] }
      const batches = await writeBatches(this.#cluster, producer, coordinator, [owner], {
        facts: this.#facts,
        sizes: this.sizes,
        open: new OpenBatches(),
      })
      failpoint('open.owner-written')
      producer.become(await coordinator.commit(producer.identity, () => {}))
      failpoint('open.owner-committed')
      const offset = lastOffset(batches, changelog)
      await this.#untilReadable(changelog, offset)
      failpoint('open.owner-readable')
      const [info] = await this.#cluster.refresh([changelog.topic])
      return new KafkaSession({
        token: { topicId: info?.id ?? '', offset },
        openedAt: batches[0]?.appendedAt ?? -1,
        changelog,
        cluster: this.#cluster,
        coordinator,
        producer,
        sizes: this.sizes,
        facts: this.#facts,
        published: (offsets) => this.#options.published(application, task, offsets),
      })
    } catch (cause) {
      const error = incurable(cause)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `task ${task} of ${application} cannot be opened now: ${String(cause)}`, {
        cause,
        retriable: true,
        ...changelog,
      })
    }
  }

  /** Whether the brokers have KIP-890 part 2; asked until it is known. */
  #speaksSecondVersion(): Promise<boolean> {
    this.#isSecondVersion ??= this.#cluster
      .transactionVersion()
      .then((version) => version >= 2)
      .catch((error: unknown) => {
        this.#isSecondVersion = undefined
        throw error
      })
    return this.#isSecondVersion
  }

  /** EndTxn answers before the marker can be read. */
  async #untilReadable(changelog: TopicPartition, offset: number): Promise<void> {
    const { clock } = this.#cluster
    const until = clock.monotonic() + this.#options.transactionTimeoutMs
    while ((await this.#source.end(changelog, 'stable')) <= offset) {
      if (clock.monotonic() > until) {
        const what = `the end of a transaction in ${changelog.topic}[${changelog.partition}] does not become readable`
        throw new JoineryError('LOG_FAILED', `${what}: look for a hanging transaction (kafka-transactions.sh)`, {
          retriable: true,
          ...changelog,
          offset,
        })
      }
      await sleep(clock, POLL_MS)
    }
  }

  /** A broker that does not know a new topic yet may be asked next. */
  async #describeNew(topic: string): Promise<TopicInfo> {
    for (let tries = 1; ; tries++) {
      try {
        return ((await this.#source.describe([topic])) as [TopicInfo])[0]
      } catch (error) {
        const isUnknown = error instanceof ProtocolError && error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION
        if (tries === NEW_TRIES || !(isUnknown || isJoineryError(error, 'TOPIC_MISSING'))) throw error
        await sleep(this.#cluster.clock, NEW_MS)
      }
    }
  }

  async #create(topic: string, partitions: number, config: TopicConfig): Promise<void> {
    const admin = this.#cluster.kafka.admin()
    await admin.connect()
    try {
      const { brokers } = await admin.describeCluster()
      await admin.createTopics({
        waitForLeaders: false, // kafkajs fails at once where another broker does not know the topic yet
        topics: [
          {
            topic,
            numPartitions: partitions,
            replicationFactor: this.#options.replicationFactor ?? Math.min(MAX_REPLICAS, brokers.length),
            configEntries: Object.entries(config).map(([name, value]) => ({ name, value: String(value) })),
          },
        ],
      })
    } catch (cause) {
      const { errors = [] } = cause as { readonly errors?: readonly unknown[] } // kafkajs hides in it what went wrong with a topic
      throw topicError(topic, errors[0] ?? cause)
    } finally {
      await admin.disconnect()
    }
    for (let tries = 1; !(await this.#hasLeaders(topic)); tries++) {
      if (tries === TRIES)
        throw new JoineryError('LOG_FAILED', `${topic} was created, but has no leaders`, {
          topic,
          retriable: true,
        })
      await sleep(this.#cluster.clock, RETRY_MS)
    }
  }

  async #hasLeaders(topic: string): Promise<boolean> {
    const [found] = await this.#cluster.refresh([topic])
    return found?.code === CODE.NONE && found.leaders.every((leader) => leader >= 0)
  }
}

function topicError(topic: string, cause: unknown): JoineryError {
  const { type = '', message = String(cause) } = cause as { readonly type?: string; readonly message?: string }
  if (type === 'TOPIC_AUTHORIZATION_FAILED' || type === 'CLUSTER_AUTHORIZATION_FAILED') {
    return new JoineryError(
      'NOT_AUTHORIZED',
      `the brokers do not allow this user to create topic ${topic} (${type}): add the ACL Create on it, or create it yourself`,
      { cause, topic },
    )
  }
  return new JoineryError('LOG_FAILED', `${topic} cannot be created: ${message}`, { cause, topic })
}
