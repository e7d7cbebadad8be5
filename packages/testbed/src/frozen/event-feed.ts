import type { Producer } from 'kafkajs'
import { PlainClient } from '../join-check/plain-client.js'

const INTERVAL_MS = 100

/** Produces events at a steady rate. It gives a broker up soon, and uses the others. */
export class EventFeed {
  readonly #topic: string
  readonly #keys: number
  #brokers: readonly string[]
  #producer: Producer | undefined
  #ids = 0
  readonly #acknowledged = new Map<number, number>()
  #isOver = false
  #running: Promise<void> = Promise.resolve()

  /** @param keys how many keys the events have */
  constructor(topic: string, keys: number, brokers: readonly string[]) {
    this.#topic = topic
    this.#keys = keys
    this.#brokers = brokers
  }

  /** The number of events that are in the topic for certain. */
  get acknowledged(): number {
    return [...this.#acknowledged.values()].reduce((total, count) => total + count, 0)
  }

  /** The number of events that are in each partition for certain. */
  get acknowledgedOf(): ReadonlyMap<number, number> {
    return this.#acknowledged
  }

  start(): void {
    this.#running = this.#run()
  }

  /** @param broker is not used for metadata from now on */
  avoid(broker: string): void {
    this.#brokers = this.#brokers.filter((each) => each !== broker)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    await this.#producer?.disconnect().catch(() => {})
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        this.#producer ??= await new PlainClient(this.#brokers).impatientProducer()
        const id = this.#ids++
        const message = { key: `k${id % this.#keys}`, value: JSON.stringify({ id }) }
        const [{ partition = 0 } = {}] = await this.#producer.send({ topic: this.#topic, messages: [message] })
        this.#acknowledged.set(partition, (this.#acknowledged.get(partition) ?? 0) + 1)
      } catch {
        // the event may be in the topic or not; the next producer asks for the leaders again
        this.#producer?.disconnect().catch(() => {})
        this.#producer = undefined
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
    }
  }
}
