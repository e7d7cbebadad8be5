import { isJoineryError, JoineryError } from '@joinery/core'
import { type LogSource, type LogTasks, reportsTopic, type TopicInfo } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { retry } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { CODE } from '../protocol/error-codes.js'
import { describeConfigs, type TopicConfig } from '../reader/topic-configs.js'
import { changelogMissing } from './fatal-error.js'
import { type CreationListener, createTopic, type NewTopic, type TopicSettings } from './topic-creation.js'

/** How changelogs are created. */
export interface ChangelogOptions {
  /** Default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  /** Settings in addition to Joinery's, or instead of them. */
  readonly config: TopicSettings
}

const CHANGELOG_SUFFIX = '-changelog'
const MIB = 2 ** 20
/** The maximum overhead of a changelog record, in addition to the input record in it. */
const CHANGELOG_OVERHEAD = 128 * 2 ** 10
const HOUR_MS = 3_600_000
const NEW_TOPIC_ATTEMPTS = 50
const NEW_TOPIC_RETRY_MS = 100

/** Brokers must keep batches as they were written: Joinery may not be able to read the cluster's default codec. */
const AS_WRITTEN: TopicSettings = { 'compression.type': 'producer' }

const CHANGELOG: TopicSettings = {
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'LogAppendTime',
}
const CHANGELOG_TUNING: TopicSettings = {
  'segment.bytes': 64 * MIB,
  'segment.ms': HOUR_MS,
  'delete.retention.ms': 24 * HOUR_MS,
  'min.cleanable.dirty.ratio': 0.1,
}

/** The types that Joinery can read. Empty: the brokers do not return the setting. */
const READABLE_COMPRESSION = new Set(['producer', 'uncompressed', 'gzip', ''])

/** Reports are few and small, and none may be lost: they are kept forever. */
const REPORTS: TopicSettings = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1 }

/** Creates and checks the topics in which an application keeps its state. */
export class ChangelogTopics {
  readonly #cluster: KafkaCluster
  readonly #source: LogSource
  readonly #options: ChangelogOptions
  readonly #listener: CreationListener

  constructor(cluster: KafkaCluster, source: LogSource, options: ChangelogOptions, listener: CreationListener) {
    this.#cluster = cluster
    this.#source = source
    this.#options = options
    this.#listener = listener
  }

  async prepare({
    application,
    partitions,
    maxMessageBytes,
    reports = false,
    create = true,
  }: Parameters<LogTasks['prepare']>[0]): Promise<TopicInfo> {
    const topic = `${application}${CHANGELOG_SUFFIX}`
    const size = { 'max.message.bytes': maxMessageBytes + CHANGELOG_OVERHEAD }
    const { replicationFactor, config } = this.#options
    const common = { partitions, replicationFactor }
    if (reports) {
      const created = {
        ...common,
        topic: reportsTopic(application),
        config: { ...REPORTS, ...size },
        optional: [AS_WRITTEN],
      }
      await this.#prepared(create, created)
      const { compressionType } = await this.#configOf(created.topic)
      suitable(created.topic, 'for reports of calls', compressionProblems(compressionType))
    }
    const info = await this.#prepared(create, {
      ...common,
      topic,
      config: { ...CHANGELOG, ...size, ...config },
      optional: [AS_WRITTEN, CHANGELOG_TUNING].map((settings) => withoutNames(settings, config)),
    })
    const { timestampType, compressionType } = await this.#configOf(topic)
    suitable(topic, 'as changelog', [
      ...(info.cleanup === 'compact' ? [] : [`cleanup.policy is ${info.cleanup}, it must be compact`]),
      ...(timestampType === 'LogAppendTime'
        ? []
        : [`message.timestamp.type is ${timestampType}, it must be LogAppendTime`]),
      ...compressionProblems(compressionType),
      ...(info.maxMessageBytes >= maxMessageBytes
        ? []
        : [
            `max.message.bytes is ${info.maxMessageBytes}, it must be at least ${maxMessageBytes}, as that of an input`,
          ]),
    ])
    return info
  }

  async #configOf(topic: string): Promise<TopicConfig> {
    return (await describeConfigs(this.#cluster, [topic])).get(topic) as TopicConfig
  }

  /** Checks a topic. If it does not exist, it is created first, unless `create` is `false`. */
  async #prepared(create: boolean, prepared: NewTopic): Promise<TopicInfo> {
    const { topic, partitions } = prepared
    const [{ code }] = create ? ((await this.#cluster.refresh([topic])) as [TopicMetadata]) : [{ code: CODE.NONE }]
    if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) await createTopic(this.#cluster, prepared, this.#listener)
    const info = create ? await this.#describeNew(topic) : await this.#describeExisting(topic)
    if (info.partitions === partitions) return info
    throw new JoineryError(
      'PARTITIONS_CHANGED',
      `topic ${topic} has ${info.partitions} partitions, but the inputs have ${partitions}: keys have moved, so give the application another name (reset fails, because it keeps this topic)`,
      { topic },
    )
  }

  /** Describes a topic that may be so new that not all brokers have it. */
  async #describeNew(topic: string): Promise<TopicInfo> {
    return retry(() => this.#described(topic), {
      clock: this.#cluster.clock,
      signal: this.#cluster.closed,
      maxAttempts: NEW_TOPIC_ATTEMPTS,
      isRetriable: (error) => isJoineryError(error, 'TOPIC_MISSING'),
      delayMs: () => NEW_TOPIC_RETRY_MS,
    })
  }

  /** Describes a topic that a start has created. */
  async #describeExisting(topic: string): Promise<TopicInfo> {
    try {
      return await this.#described(topic)
    } catch (cause) {
      if (!isJoineryError(cause, 'TOPIC_MISSING')) throw cause
      throw topic.endsWith(CHANGELOG_SUFFIX) ? changelogMissing(topic, cause) : reportsMissing(topic, cause)
    }
  }

  async #described(topic: string): Promise<TopicInfo> {
    const [info] = await this.#source.describe([topic], [topic])
    return info as TopicInfo
  }
}

function compressionProblems(type: string): readonly string[] {
  return READABLE_COMPRESSION.has(type)
    ? []
    : [`compression.type is ${type}, it must be producer, uncompressed or gzip`]
}

/** @throws JoineryError `TOPIC_UNSUITABLE` if there are problems */
function suitable(topic: string, use: string, problems: readonly string[]): void {
  if (problems.length === 0) return
  const message = `topic ${topic} is not suitable ${use}: ${problems.join('; ')}`
  throw new JoineryError('TOPIC_UNSUITABLE', message, { topic, problems })
}

/** A start refuses the positions in the former topic, and a reset replaces them. */
const reportsMissing = (topic: string, cause: unknown): JoineryError =>
  new JoineryError('TOPIC_MISSING', `topic ${topic} no longer exists: reset the application, which creates it`, {
    topic,
    cause,
  })

/** @returns the settings that the user has not set */
const withoutNames = (settings: TopicSettings, set: TopicSettings): TopicSettings =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in set)))
