// Creates the topics of both services. Environment: KAFKA_BROKERS, PARTITIONS.
import kafkajs from 'kafkajs'
import { activated, deadActivations, inDoubt, notifications, productActivation, productInformation } from './topics.js'

const { KAFKA_BROKERS = 'localhost:9092', PARTITIONS = '4' } = process.env
const topics = [productActivation, productInformation, notifications, deadActivations, activated, inDoubt]

const admin = new kafkajs.Kafka({ clientId: 'create-topics', brokers: KAFKA_BROKERS.split(',') }).admin()
await admin.connect()
try {
  await admin.createTopics({
    waitForLeaders: false, // kafkajs would fail while a broker does not have a new topic yet
    topics: topics.map(({ name }) => ({
      topic: name,
      numPartitions: Number(PARTITIONS), // the same for topics that are joined, so that equal keys meet
      // a table keeps the latest row for each key forever
      ...(name === productInformation.name && { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }),
    })),
  })
} finally {
  await admin.disconnect()
}
