import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import type { DemoTopics } from './demo-topics.js'

/** The partitions of every topic: topics that are joined need the same number. */
export const PARTITIONS = 4

const MAX_CREATION_MS = 10_000
const POLL_MS = 50

/** Creates the topics. The replication factor is the brokers' default. */
export function createTopics(brokers: string[], topics: DemoTopics): Promise<void> {
  return withAdmin(brokers, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false, // kafkajs would fail while a broker does not have a new topic yet
      topics: Object.values(topics).map(({ name }) => ({
        topic: name,
        numPartitions: PARTITIONS,
        // the table keeps the latest information of each product forever
        ...(name === topics.productInformation.name && {
          configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
        }),
      })),
    })
    const giveUpAt = performance.now() + MAX_CREATION_MS
    while (!(await areKnown(admin, Object.values(topics)))) {
      if (performance.now() > giveUpAt) throw new Error('the brokers do not have the new topics in time')
      await delay(POLL_MS)
    }
  })
}

async function areKnown(admin: Admin, topics: readonly { readonly name: string }[]): Promise<boolean> {
  const existing = new Set(await admin.listTopics())
  return topics.every(({ name }) => existing.has(name))
}

/** Deletes the topics, and the internal topics and groups of the applications. */
export function deleteTraces(brokers: string[], topics: DemoTopics, applications: readonly string[]): Promise<void> {
  return withAdmin(brokers, async (admin) => {
    const own = applications.flatMap((name) => [`${name}-changelog`, `${name}.calls.reports`])
    const made = new Set([...Object.values(topics).map(({ name }) => name), ...own])
    const existing = (await admin.listTopics()).filter((name) => made.has(name))
    await admin.deleteTopics({ topics: existing })
    const { groups } = await admin.listGroups()
    const left = groups.map(({ groupId }) => groupId).filter((id) => applications.includes(id))
    if (left.length > 0) await admin.deleteGroups(left)
  })
}

async function withAdmin(brokers: string[], use: (admin: Admin) => Promise<void>): Promise<void> {
  const kafka = new kafkajs.Kafka({
    clientId: 'joinery-demo',
    brokers,
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { initialRetryTime: 100, retries: 3 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect().catch((cause: unknown) => {
      throw new Error(`no Kafka can be reached at ${brokers.join(', ')}`, { cause })
    })
    await use(admin)
  } finally {
    await admin.disconnect()
  }
}
