import { logSuite } from '@joinery/core/testing'
import { describe, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { administer, createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')

logSuite({ describe, it }, 'kafkaLog', () => {
  const name = unique()
  let names = 0
  return {
    log: kafkaLog({ brokers }),
    async createTopic({ partitions, compact }) {
      const topic = name(`topic-${++names}`)
      await createTopics(
        { brokers },
        { topic, partitions, ...(compact && { config: { 'cleanup.policy': 'compact' } }) },
      )
      return topic
    },
    application: () => name(`application-${++names}`),
    missingTopic: name('missing'),
    deleteRecords: ({ topic, partition }, offset) =>
      administer({ brokers }, async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] }) // the next call needs it
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] })
      }),
  }
})
