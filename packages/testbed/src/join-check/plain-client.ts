import kafkajs, { type Admin, type IHeaders, type Kafka, type KafkaConfig, type Message, type Producer } from 'kafkajs'
import { poll } from '../poll.js'
import type { ActivationJoin } from './activation-join.js'

const ELECTION_MS = 60_000
/** A consumer has read everything when it has received nothing for this long. */
const IDLE_MS = 3_000
/** Gives up a broker soon, and does not retry. */
const IMPATIENT: Partial<KafkaConfig> = {
  requestTimeout: 1_500,
  connectionTimeout: 1_000,
  enforceRequestTimeout: true,
  retry: { retries: 0 },
}

/** A committed record of a topic. */
export interface PlainRecord {
  readonly key: string
  readonly value: string
  readonly headers: IHeaders
}

/** A client without any code of Joinery: it creates topics, produces the input and reads what was written. */
export class PlainClient {
  readonly #config: KafkaConfig
  readonly #kafka: Kafka

  constructor(brokers: readonly string[]) {
    this.#config = { brokers: [...brokers], clientId: 'check', logLevel: kafkajs.logLevel.NOTHING }
    this.#kafka = new kafkajs.Kafka(this.#config)
  }

  /** Creates the topics of a join, and waits until each partition has a leader. */
  async createTopics(join: ActivationJoin, partitions: number): Promise<void> {
    const { activations, information, notifications, dead } = join
    const names = [activations.name, information.name, notifications.name, dead]
    await this.#admin(async (admin) => {
      await admin.createTopics({
        waitForLeaders: false, // kafkajs fails at once if another broker does not know a topic yet
        topics: names.map((topic) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: -1,
          configEntries: topic === information.name ? [{ name: 'cleanup.policy', value: 'compact' }] : [],
        })),
      })
      const isLed = async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: names })
        return topics.every((each) => each.partitions.length > 0 && each.partitions.every(({ leader }) => leader >= 0))
      }
      if (!(await poll(() => isLed().catch(() => false), ELECTION_MS))) throw new Error('topics without leaders')
    })
  }

  /** @returns the broker that leads a partition */
  leaderOf(topic: string, partition: number): Promise<number> {
    return this.#admin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? -1
    })
  }

  /** Produces records, with the partitioner of Java clients. */
  async produce(topic: string, messages: readonly Message[]): Promise<void> {
    const producer = await connected(this.#kafka)
    await producer.send({ topic, messages: [...messages] })
    await producer.disconnect()
  }

  /** @returns a producer that gives up a broker soon, and does not send anything twice */
  impatientProducer(): Promise<Producer> {
    return connected(new kafkajs.Kafka({ ...this.#config, ...IMPATIENT }))
  }

  /** Requests a producer id for a transactional id. */
  async openTransactionalProducer(transactionalId: string): Promise<void> {
    const producer = this.#kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    await producer.disconnect()
  }

  /** @returns all committed records of a topic */
  async committed(topic: string): Promise<readonly PlainRecord[]> {
    const consumer = this.#kafka.consumer({ groupId: `check-${Math.random()}`, readUncommitted: false })
    const records: PlainRecord[] = []
    let latest = Number.POSITIVE_INFINITY
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    consumer.on(consumer.events.GROUP_JOIN, () => {
      latest = performance.now()
    })
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers = {} } }) => {
        records.push({ key: String(key), value: String(value), headers })
        latest = performance.now()
      },
    })
    await poll(() => performance.now() - latest > IDLE_MS, ELECTION_MS)
    await consumer.disconnect()
    return records
  }

  async #admin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      return await use(admin)
    } finally {
      await admin.disconnect()
    }
  }
}

async function connected(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  await producer.connect()
  return producer
}
