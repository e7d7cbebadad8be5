import { JoineryError } from '@joinery/core'
import type { KafkaCluster, TopicMetadata } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { connectionError } from '../kafkajs/connection-errors.js'
import { CODE } from '../protocol/error-codes.js'

/** Settings of a topic, by Kafka's names. */
export type TopicSettings = Readonly<Record<string, string | number>>

/** A topic to be made. */
export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  /** Default: 3, or as many as there are brokers. */
  readonly replicationFactor: number | undefined
  readonly config: TopicSettings
}

const RETRY_MS = 100
const TRIES = 300
const MAX_REPLICAS = 3

/** Makes a topic, and waits until all its partitions have leaders. That another instance makes it too does no harm. */
export async function createTopic(
  cluster: KafkaCluster,
  { topic, partitions, replicationFactor, config }: NewTopic,
): Promise<void> {
  const admin = cluster.kafka.admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    await admin.createTopics({
      waitForLeaders: false, // kafkajs fails at once where another broker does not know the topic yet
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
  for (let tries = 1; !(await hasLeaders(cluster, topic)); tries++) {
    if (tries === TRIES)
      throw new JoineryError('LOG_FAILED', `${topic} was created, but has no leaders`, {
        topic,
        retriable: true,
      })
    await sleep(cluster.clock, RETRY_MS)
  }
}

async function hasLeaders(cluster: KafkaCluster, topic: string): Promise<boolean> {
  const [{ code, leaders }] = (await cluster.refresh([topic])) as [TopicMetadata]
  return code === CODE.NONE && leaders.every((leader) => leader >= 0)
}

/** kafkajs' error about a topic that the brokers did not create. */
interface Refusal {
  readonly type: string
  readonly message: string
  readonly retriable: boolean
}

/** kafkajs hides what is wrong with a topic in a list; what is in no list is wrong with the connection. */
function creationError(topic: string, error: unknown): JoineryError {
  const { errors = [] } = error as { readonly errors?: readonly Refusal[] }
  const [cause] = errors
  if (cause === undefined) return connectionError(`${topic} cannot be created`, error)
  const { type, message, retriable } = cause
  if (type === 'TOPIC_AUTHORIZATION_FAILED' || type === 'CLUSTER_AUTHORIZATION_FAILED') {
    return new JoineryError(
      'NOT_AUTHORIZED',
      `the brokers do not allow this user to create topic ${topic} (${type}): add the ACL Create on it, or create it yourself`,
      { cause, topic },
    )
  }
  return new JoineryError('LOG_FAILED', `${topic} cannot be created: ${message}`, { cause, topic, retriable })
}
