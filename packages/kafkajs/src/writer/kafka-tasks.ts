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
import { retry, sleep } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { ADD_PARTITIONS_TO_TXN } from '../protocol/add-partitions-to-txn.js'
import { END_TXN } from '../protocol/end-txn.js'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { describeConfigs } from '../reader/topic-configs.js'
import { fatalError } from './fatal-error.js'
import { KafkaSession } from './kafka-session.js'
import type { OutputTopics } from './output-topics.js'
import { Producer } from './producer.js'
import { type OutgoingBatch, RecordAccumulator } from './record-accumulator.js'
import { createTopic, type NewTopic } from './topic-creation.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { transactionProtocol } from './transaction-protocol.js'
import { writeBatches } from './write-batches.js'

/** Options for writing. */
export interface WriterOptions {
  /** Replicas of the changelog; default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  readonly transactionTimeoutMs: number
  readonly codec: 'none' | 'gzip'
  readonly topics: OutputTopics
  /** Publishes processed offsets after each commit, for lag tools. */
  readonly publish: (application: string, task: number, offsets: ReadonlyMap<string, number>) => void
}

const MIB = 2 ** 20
/** The maximum overhead of a changelog record, in addition to the input record in it. */
const CHANGELOG_OVERHEAD = 128 * 2 ** 10
const HOUR_MS = 3_600_000
const POLL_MS = 5
const NEW_TOPIC_ATTEMPTS = 50
const NEW_TOPIC_RETRY_MS = 100

const CHANGELOG: NewTopic['config'] = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
  'segment.bytes': 64 * MIB,
  'segment.ms': HOUR_MS,
  'delete.retention.ms': 24 * HOUR_MS,
  'min.cleanable.dirty.ratio': 0.1,
}

/** Reports are few and small, and each may matter: they are kept forever. */
const REPORTS: NewTopic['config'] = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1 }

/** Sessions of tasks, as Kafka transactions: transactional id `<application>-<task>`, changelog `<application>-changelog`. */
export class KafkaTasks implements LogTasks<'exactly-once'> {
  readonly guarantees = ['exactly-once'] as const
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: WriterOptions

  constructor(cluster: KafkaCluster, source: LogSource, options: WriterOptions) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
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
    await this.#cluster.require([ADD_PARTITIONS_TO_TXN, END_TXN])
    const topic = `${application}-changelog`
    const size = { 'max.message.bytes': maxMessageBytes + CHANGELOG_OVERHEAD }
    if (reports) await this.#created(reportsTopic(application), partitions, { ...REPORTS, ...size })
    const info = await this.#created(topic, partitions, { ...CHANGELOG, ...size })
    const timestampType = (await describeConfigs(this.#cluster, [topic])).get(topic)?.timestampType
    const problems = [
      ...(info.cleanup === 'compact' ? [] : [`cleanup.policy is ${info.cleanup}, it must be compact`]),
      ...(timestampType === 'LogAppendTime'
        ? []
        : [`message.timestamp.type is ${timestampType}, it must be LogAppendTime`]),
      ...(info.maxMessageBytes >= maxMessageBytes
        ? []
        : [
            `max.message.bytes is ${info.maxMessageBytes}, it must be at least ${maxMessageBytes}, as that of an input`,
          ]),
    ]
    if (problems.length > 0)
      throw new JoineryError(
        'TOPIC_UNSUITABLE',
        `topic ${topic} is not suitable as changelog: ${problems.join('; ')}`,
        {
          topic,
          problems,
        },
      )
    return info
  }

  /** Creates a topic unless it exists. */
  async #created(topic: string, partitions: number, config: NewTopic['config']): Promise<TopicInfo> {
    const [{ code }] = (await this.#cluster.refresh([topic])) as [TopicMetadata]
    if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) {
      const { replicationFactor } = this.#options
      await createTopic(this.#cluster, { topic, partitions, replicationFactor, config })
    }
    const info = await this.#describeNew(topic)
    if (info.partitions === partitions) return info
    throw new JoineryError(
      'PARTITIONS_CHANGED',
      `topic ${topic} has ${info.partitions} partitions, but the inputs have ${partitions}: keys have moved, so give the application a new name, or reset it`,
      { topic },
    )
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const changelog = { topic: `${application}-changelog`, partition: task }
    const id = `${application}-${task}`
    const { transactionTimeoutMs, codec, topics, publish } = this.#options
    const { clock } = this.#cluster
    try {
      const protocol = transactionProtocol(await this.#cluster.transactionVersion())
      const coordinator = new TransactionCoordinator(this.#cluster, id, transactionTimeoutMs, protocol)
      const versions = protocol.produce
      const producer = new Producer(this.#cluster, { transactionalId: id, channel: 'main', codec, versions })
      producer.setProducerIdAndEpoch(await coordinator.init())
      failpoint('open.fenced')
      const owner = { ...changelog, ...changelogOwner(randomBytes(16)), timestamp: clock.now(), headers: [] }
      const [written] = (await writeBatches({
        producer,
        coordinator,
        topics,
        accumulator: new RecordAccumulator(),
        records: [owner],
      })) as [OutgoingBatch]
      failpoint('open.owner-written')
      producer.setProducerIdAndEpoch(await coordinator.commit(producer.producerIdAndEpoch, () => {}))
      failpoint('open.owner-committed')
      await this.#readable(changelog, written.baseOffset)
      failpoint('open.owner-readable')
      return new KafkaSession({
        token: { topicId: await this.#idOf(changelog.topic), offset: written.baseOffset },
        openedAt: written.appendedAt,
        changelog,
        cluster: this.#cluster,
        coordinator,
        producer,
        topics,
        publish: (offsets) => publish(application, task, offsets),
      })
    } catch (cause) {
      const error = fatalError(cause)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `could not open task ${task} of ${application}: ${String(cause)}`, {
        cause,
        retriable: true,
        ...changelog,
      })
    }
  }

  /** Resolves once an offset can be read: the coordinator responds to EndTxn before that. */
  async #readable(changelog: TopicPartition, offset: number): Promise<void> {
    const { clock } = this.#cluster
    const until = clock.monotonic() + this.#options.transactionTimeoutMs
    while ((await this.#source.endOffset(changelog, 'last-stable-offset')) <= offset) {
      if (clock.monotonic() > until) {
        const what = `the last stable offset of ${changelog.topic}[${changelog.partition}] does not advance beyond ${offset}`
        throw new JoineryError('LOG_FAILED', `${what}: look for a hanging transaction (kafka-transactions.sh)`, {
          retriable: true,
          ...changelog,
          offset,
        })
      }
      await sleep(clock, POLL_MS)
    }
  }

  /**
   * @returns the topic's id, which identifies the topic in tokens. A broker that does not have the topic yet returns an error
   * and no id: if that were taken for the id, every store would seem to belong to another topic.
   */
  async #idOf(topic: string): Promise<string> {
    const [{ code, id }] = (await this.#cluster.refresh([topic])) as [TopicMetadata]
    if (code !== CODE.NONE) throw new ProtocolError(code, `Metadata of ${topic}`, topic)
    return id
  }

  /** Describes a topic that may be so new that not all brokers have it. */
  async #describeNew(topic: string): Promise<TopicInfo> {
    const [info] = await retry(() => this.#source.describe([topic]), {
      clock: this.#cluster.clock,
      signal: this.#cluster.closed,
      maxAttempts: NEW_TOPIC_ATTEMPTS,
      isRetriable: (error) =>
        isJoineryError(error, 'TOPIC_MISSING') ||
        (error instanceof ProtocolError && error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION),
      delayMs: () => NEW_TOPIC_RETRY_MS,
    })
    return info as TopicInfo
  }
}
