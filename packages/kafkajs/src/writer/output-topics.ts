import { JoineryError } from '@joinery/core'
import type { OutputTopicInfo } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { missingTopics } from '../connection/missing-topics.js'
import { lookUpTopics } from '../connection/topic-lookup.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import { describeConfigs } from '../reader/topic-configs.js'
import { ReplicaNotices } from './replica-notices.js'

/** An output that was described elsewhere. */
interface KnownOutput extends OutputTopicInfo, Partial<Pick<TopicMetadata, 'lacksReplicas'>> {
  readonly topic: string
}

/** The topics that are written to. Each is looked up once, and reported if it lacks replicas. */
export class OutputTopics {
  readonly #cluster: KafkaCluster
  readonly #notices: ReplicaNotices
  readonly #maxMessageBytes: Map<string, number>
  readonly #topics = new Map<string, OutputTopicInfo>()

  constructor(
    cluster: KafkaCluster,
    notices: ReplicaNotices = new ReplicaNotices(() => {}),
    maxMessageBytes: Map<string, number> = new Map(),
  ) {
    this.#cluster = cluster
    this.#notices = notices
    this.#maxMessageBytes = maxMessageBytes
  }

  /** @returns a topic that was looked up before */
  get(topic: string): OutputTopicInfo | undefined {
    return this.#topics.get(topic)
  }

  /** Adds a topic that was described elsewhere. */
  add({ topic, partitions, maxMessageBytes, lacksReplicas = false }: KnownOutput): void {
    if (lacksReplicas) this.#notices.report(topic)
    this.#maxMessageBytes.set(topic, maxMessageBytes)
    this.#topics.set(topic, { partitions, maxMessageBytes })
  }

  /** @returns a copy that looks up the number of partitions again */
  withoutPartitions(): OutputTopics {
    return new OutputTopics(this.#cluster, this.#notices, this.#maxMessageBytes)
  }

  /**
   * Looks up the topics that are not known yet.
   *
   * @throws JoineryError `TOPIC_MISSING`, `NOT_AUTHORIZED`; `LOG_FAILED`, retriable, if the brokers cannot describe one
   */
  async lookUp(topics: Iterable<string>): Promise<void> {
    const partitions = new Map<string, number>()
    for (const topic of topics) {
      if (this.#topics.has(topic)) continue
      partitions.set(topic, await lookUpTopics(this.#cluster, () => partitionsOf(this.#cluster, topic)))
      if (await this.#cluster.lacksReplicas(topic)) this.#notices.report(topic)
    }
    const unknown = [...partitions.keys()].filter((topic) => !this.#maxMessageBytes.has(topic))
    if (unknown.length > 0) {
      for (const [topic, { maxMessageBytes }] of await describeConfigs(this.#cluster, unknown))
        this.#maxMessageBytes.set(topic, maxMessageBytes)
    }
    for (const [topic, count] of partitions)
      this.#topics.set(topic, { partitions: count, maxMessageBytes: this.#maxMessageBytes.get(topic) as number })
  }
}

/** @throws ProtocolError if a broker cannot describe the topic: it may not know a new topic yet */
async function partitionsOf(cluster: KafkaCluster, topic: string): Promise<number> {
  try {
    return await cluster.partitionsOf(topic)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    if (isUnauthorized(cause.code)) throw notAuthorized('write to', `topic ${topic}`, cause.code, topic)
    if (cause.code !== CODE.UNKNOWN_TOPIC_OR_PARTITION || (await missingTopics(cluster, [topic])).length === 0)
      throw cause
    throw new JoineryError('TOPIC_MISSING', `topic ${topic} does not exist: create it`, { topic, cause })
  }
}
