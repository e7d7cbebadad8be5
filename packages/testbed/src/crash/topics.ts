import kafkajs from 'kafkajs'
import { inputsOf } from './history.js'
import type { Service } from './service.js'

const DEAD_PARTITIONS = 2

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
      waitForLeaders: true,
      topics: [...counts].map(([topic, numPartitions]) => ({
        topic,
        numPartitions,
        configEntries: [
          { name: 'cleanup.policy', value: topic === information.name ? 'compact' : 'delete' },
          { name: 'message.timestamp.type', value: tables.includes(topic) ? 'LogAppendTime' : 'CreateTime' },
        ],
      })),
    })
  } finally {
    await admin.disconnect()
  }
  return counts
}
