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
import type { KafkaCluster, TopicMetadata } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, ProtocolError } from '../protocol/error-codes.js'
import { describeConfigs } from '../reader/topic-configs.js'
import { KafkaSession, type TopicSizes, writeBatches } from './kafka-session.js'
import { Producer } from './producer.js'
import { OpenBatches, type OutgoingBatch, type TopicFacts } from './sealed-batches.js'
import { createTopic, type TopicSettings } from './topic-creation.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { incurable } from './write-failure.js'

/** How tasks write. */
export interface WriterOptions {
  /** Replicas of the changelog; default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  readonly transactionTimeoutMs: number
  readonly codec: 'none' | 'gzip'
  /** Topics known from elsewhere; those that are asked about here are added. */
  readonly facts: Map<string, TopicFacts>
  /** Told of processed offsets after each commit. */
  readonly published: (application: string, task: number, offsets: ReadonlyMap<string, number>) => void
}

const MIB = 2 ** 20
const CHANGELOG_ROOM = 128 * 2 ** 10
const HOUR_MS = 3_600_000
const POLL_MS = 5
const NEW_TRIES = 50
const NEW_MS = 100

const CHANGELOG: TopicSettings = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'segment.bytes': 64 * MIB,
  'segment.ms': HOUR_MS,
  'delete.retention.ms': 24 * HOUR_MS,
  'min.cleanable.dirty.ratio': 0.1,
}

/** Reports are few and small, and each may matter: they are kept for ever. */
const REPORTS: TopicSettings = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1 }

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
    this.#facts = options.facts
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
    const timestampType = (await describeConfigs(this.#cluster, [topic])).get(topic)?.timestampType
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
  async #made(topic: string, partitions: number, config: TopicSettings): Promise<TopicInfo> {
    const [{ code }] = (await this.#cluster.refresh([topic])) as [TopicMetadata]
    if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) {
      const { replicationFactor } = this.#options
      await createTopic(this.#cluster, { topic, partitions, replicationFactor, config })
    }
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
      const to = { facts: this.#facts, sizes: this.sizes, open: new OpenBatches() }
      const [written] = (await writeBatches(this.#cluster, producer, coordinator, [owner], to)) as [OutgoingBatch]
      failpoint('open.owner-written')
      producer.become(await coordinator.commit(producer.identity, () => {}))
      failpoint('open.owner-committed')
      await this.#untilReadable(changelog, written.baseOffset)
      failpoint('open.owner-readable')
      return new KafkaSession({
        token: { topicId: await this.#idOf(changelog.topic), offset: written.baseOffset },
        openedAt: written.appendedAt,
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
    while ((await this.#source.endOffset(changelog, 'last-stable-offset')) <= offset) {
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

  /** A broker that does not know the topic yet has no identity of it: a token without one would deny what stores have. */
  async #idOf(topic: string): Promise<string> {
    const [{ code, id }] = (await this.#cluster.refresh([topic])) as [TopicMetadata]
    if (code !== CODE.NONE) throw new ProtocolError(code, `Metadata of ${topic}`, topic)
    return id
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
}
