import kafkajs from 'kafkajs'

/** A record of another service, for partition 0 of its topic. */
export interface Message {
  readonly topic: string
  readonly key: string
  readonly value: object | null
}

/** A transaction of another service. */
export interface OpenTransaction {
  send(...messages: readonly Message[]): Promise<void>
  commit(): Promise<void>
  abort(): Promise<void>
}

/** A transactional producer of another service: records are JSON with text keys. */
export class OtherProducer implements AsyncDisposable {
  readonly #producer: kafkajs.Producer

  constructor(brokers: readonly string[], transactionalId: string) {
    const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    this.#producer = client.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 })
  }

  async begin(...messages: readonly Message[]): Promise<OpenTransaction> {
    await this.#producer.connect() // does nothing if it is connected
    const transaction = await this.#producer.transaction()
    const open: OpenTransaction = {
      async send(...records) {
        for (const { topic, key, value } of records)
          await transaction.send({
            topic,
            messages: [{ partition: 0, key, value: value === null ? null : JSON.stringify(value) }],
          })
      },
      commit: () => transaction.commit(),
      abort: () => transaction.abort(),
    }
    await open.send(...messages)
    return open
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect()
  }
}
