import { poll } from '@joinery/testbed'
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs'
import type { WorkloadRecord } from './activation-workload.js'

const CHUNK = 2_000
const ELECTION_MS = 60_000

/** The client that creates topics and produces the load. It shares no code with Joinery. */
export class LoadClient implements AsyncDisposable {
  readonly #kafka: Kafka
  readonly #admin: Admin

  static async connect(brokers: readonly string[]): Promise<LoadClient> {
    const client = new LoadClient(brokers)
    await client.#admin.connect()
    return client
  }

  private constructor(brokers: readonly string[]) {
    this.#kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: 'load', logLevel: kafkajs.logLevel.NOTHING })
    this.#admin = this.#kafka.admin()
  }

  /** @returns a producer for topics that are not deleted while it is in use */
  async producer(): Promise<Producer> {
    const producer = this.#kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { retries: 0 }, // a retry could produce an event twice
    })
    await producer.connect()
    return producer
  }

  /** Creates topics, and waits until the brokers accept requests for all partitions. */
  async createTopics(partitions: number, topics: Readonly<Record<string, 'compact' | 'delete'>>): Promise<void> {
    await this.#admin.createTopics({
      waitForLeaders: false, // it fails if metadata lag behind
      topics: Object.entries(topics).map(([topic, cleanup]) => ({
        topic,
        numPartitions: partitions,
        configEntries: [
          { name: 'cleanup.policy', value: cleanup },
          { name: 'retention.ms', value: '-1' },
        ],
      })),
    })
    for (const topic of Object.keys(topics)) {
      const isLed = () =>
        this.#admin.fetchTopicOffsets(topic).then(
          (offsets) => offsets.length === partitions,
          () => false,
        )
      if (!(await poll(isLed, ELECTION_MS))) throw new Error(`${topic} has no leaders`)
    }
  }

  /** Produces records in large requests. */
  async produce(topic: string, records: Iterable<WorkloadRecord>): Promise<void> {
    const producer = await this.producer()
    let messages: Message[] = []
    const flush = async (): Promise<void> => {
      if (messages.length > 0) await producer.send({ topic, messages })
      messages = []
    }
    for (const record of records) {
      messages.push(toMessage(record))
      if (messages.length === CHUNK) await flush()
    }
    await flush()
    await producer.disconnect()
  }

  /** Deletes the topics whose names begin with a prefix. */
  async deleteTopics(prefix: string): Promise<void> {
    const topics = (await this.#admin.listTopics()).filter((name) => name.startsWith(prefix))
    if (topics.length > 0) await this.#admin.deleteTopics({ topics })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect()
  }
}

/** @returns a message with a JSON value */
export const toMessage = ({ key, value }: WorkloadRecord): Message => ({ key, value: JSON.stringify(value) })
