import kafkajs, { type Admin } from 'kafkajs'
import { poll } from '../poll.js'
import { inputsOf } from './history.js'
import type { Service } from './service.js'

const DEAD_PARTITIONS = 2
const MAX_ELECTION_MS = 30_000

/** Creates all topics of a service. Tables use the broker's time, so that it is known what was written before a deadline. */
export async function createTopics(
  broker: string,
  service: Service,
  partitions: number,
): Promise<ReadonlyMap<string, number>> {
  const { information, customers, notifications, enriched, dead } = service
  const counts = new Map<string, number>([
    ...[...inputsOf(service), notifications.name, enriched.name].map((name) => [name, partitions] as const),
    [dead, DEAD_PARTITIONS],
  ])
  const tables = [information.name, customers.name]
  const admin = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await admin.createTopics({
      waitForLeaders: false, // kafkajs fails at once if another broker does not know a topic yet
      topics: [...counts].map(([topic, numPartitions]) => ({
        topic,
        numPartitions,
        configEntries: [
          { name: 'cleanup.policy', value: topic === information.name ? 'compact' : 'delete' },
          { name: 'message.timestamp.type', value: tables.includes(topic) ? 'LogAppendTime' : 'CreateTime' },
        ],
      })),
    })
    if (!(await poll(() => areLed(admin, counts), MAX_ELECTION_MS)))
      throw new Error(`topics without leaders after ${MAX_ELECTION_MS} ms: ${[...counts.keys()].join(', ')}`)
  } finally {
    await admin.disconnect()
  }
  return counts
}

/** @returns whether the brokers know all partitions, each with a leader */
async function areLed(admin: Admin, counts: ReadonlyMap<string, number>): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...counts.keys()] })
    return topics.every(
      ({ name, partitions }) => partitions.length === counts.get(name) && partitions.every(({ leader }) => leader >= 0),
    )
  } catch {
    return false // kafkajs throws for a topic that a broker does not know yet
  }
}
