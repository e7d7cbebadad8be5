import { isJoineryError, type Log } from '@joinery/core'
import kafkajs from 'kafkajs'

const RETRY_MS = 50

/**
 * Creates topics that do not exist, and waits until the brokers have them.
 *
 * @returns whether any was created
 */
export async function createTopics(
  log: Log,
  brokers: readonly string[],
  numPartitions: number,
  topics: Readonly<Record<string, 'compact' | 'delete'>>,
): Promise<boolean> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const isNew = await admin.createTopics({
    waitForLeaders: false, // it fails if metadata lag behind
    topics: Object.entries(topics).map(([topic, cleanup]) => ({
      topic,
      numPartitions,
      configEntries: [
        { name: 'cleanup.policy', value: cleanup },
        { name: 'retention.ms', value: '-1' },
      ],
    })),
  })
  await admin.disconnect()
  for (;;) {
    try {
      await log.source.describe(Object.keys(topics))
      return isNew
    } catch (error) {
      if (!isJoineryError(error, 'TOPIC_MISSING')) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
