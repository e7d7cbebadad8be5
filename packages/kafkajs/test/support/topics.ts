import { randomUUID } from 'node:crypto'
import kafkajs, { type Admin, type KafkaConfig } from 'kafkajs'
import { vi } from 'vitest'

/** The connection to a cluster. */
export type Cluster = Pick<KafkaConfig, 'ssl' | 'sasl'> & { readonly brokers: readonly string[] }

/** A topic that a test needs. */
export interface WantedTopic {
  readonly topic: string
  /** @defaultValue 4 */
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string | number>>
}

/** Names that no other test uses. */
export function unique(): (name: string) => string {
  const id = randomUUID().slice(0, 8)
  return (name) => `${name}-${id}`
}

/** Runs something with an admin client. */
export async function administer<T>(config: Cluster, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({
    ...config,
    brokers: [...config.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

export async function createTopics(config: Cluster, ...topics: readonly WantedTopic[]): Promise<void> {
  await administer(config, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false, // it fails while a broker does not have the topic
      topics: topics.map(({ topic, partitions = 4, config: entries = {} }) => ({
        topic,
        numPartitions: partitions,
        // tests choose the timestamps of records, which brokers would treat as old
        configEntries: Object.entries({ 'retention.ms': -1, ...entries }).map(([name, value]) => ({
          name,
          value: String(value),
        })),
      })),
    })
    await vi.waitFor(() => admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) }), {
      timeout: 10_000,
      interval: 20,
    })
    await Promise.all(topics.map(({ topic }) => areLed(admin, topic)))
  })
}

/** A leader in the metadata may not have noticed yet. kafkajs' consumers react to its error by joining their group again. */
async function areLed(admin: Admin, topic: string): Promise<void> {
  await vi.waitFor(() => admin.fetchTopicOffsets(topic), { timeout: 10_000, interval: 20 })
}

/** Adds partitions to topics, and waits until brokers report them. */
export async function growTopics(config: Cluster, count: number, ...topics: readonly string[]): Promise<void> {
  await administer(config, async (admin) => {
    await admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count })) })
    await vi.waitFor(
      async () => {
        const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] })
        if (found.some(({ partitions }) => partitions.length !== count)) throw new Error('not yet known')
      },
      { timeout: 10_000, interval: 20 },
    )
  })
}
