import { JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { retry } from '../connection/retry.js'
import type { TopicMetadata } from '../connection/topic-metadata.js'
import { connectionError } from '../kafkajs/connection-errors.js'
import { CODE } from '../protocol/error-codes.js'

/** A topic to create. */
export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  /** Default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  /** With Kafka's names. */
  readonly config: Readonly<Record<string, string | number>>
}

const RETRY_MS = 100
const MAX_ATTEMPTS = 300
const MAX_REPLICAS = 3

/** Creates a topic, and waits until all its partitions have leaders. Another instance may create it at the same time. */
export async function createTopic(cluster: KafkaCluster, topic: NewTopic): Promise<void> {
  await sendCreation(cluster, topic)
  await leadersElected(cluster, topic.topic)
}

async function sendCreation(
  cluster: KafkaCluster,
  { topic, partitions, replicationFactor, config }: NewTopic,
): Promise<void> {
  const admin = cluster.kafka.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    await admin.createTopics({
      waitForLeaders: false, // kafkajs fails at once if another broker does not have the topic yet
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: replicationFactor ?? Math.min(MAX_REPLICAS, brokers.length),
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value: String(value) })),
        },
      ],
    })
  } catch (cause) {
    throw creationError(topic, cause)
  } finally {
    await admin.disconnect()
  }
}

async function leadersElected(cluster: KafkaCluster, topic: string): Promise<void> {
  const noLeaders = new JoineryError('LOG_FAILED', `topic ${topic} was created, but has no leaders yet`, {
    topic,
    retriable: true,
  })
  const attempt = async () => {
    const [{ code, leaders }] = (await cluster.refresh([topic])) as [TopicMetadata]
    if (code !== CODE.NONE || leaders.some((leader) => leader < 0)) throw noLeaders
  }
  await retry(attempt, {
    clock: cluster.clock,
    signal: cluster.closed,
    maxAttempts: MAX_ATTEMPTS,
    isRetriable: (error) => error === noLeaders,
    delayMs: () => RETRY_MS,
  })
}

/** kafkajs' error about a topic that the brokers did not create. */
interface Refusal {
  readonly type: string
  readonly message: string
  readonly retriable: boolean
}

/** kafkajs puts errors of individual topics into a list; any other error is about the connection. */
function creationError(topic: string, error: unknown): JoineryError {
  const { errors = [] } = error as { readonly errors?: readonly Refusal[] }
  const [cause] = errors
  if (cause === undefined) return connectionError(`cannot create topic ${topic}`, error)
  const { type, message, retriable } = cause
  if (type === 'TOPIC_AUTHORIZATION_FAILED' || type === 'CLUSTER_AUTHORIZATION_FAILED') {
    return new JoineryError(
      'NOT_AUTHORIZED',
      `this user is not allowed to create topic ${topic} (${type}): add the ACL Create on it, or create it yourself`,
      { cause, topic },
    )
  }
  return new JoineryError('LOG_FAILED', `cannot create topic ${topic}: ${message}`, { cause, topic, retriable })
}
