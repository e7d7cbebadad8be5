import { BrokerConnection } from './broker-connection.js'
import { type ConsumedRecord, PartitionsFetch } from './partitions-fetch.js'
import { topicLeaders } from './topic-leaders.js'

/** How a topic is read. */
export interface TopicReaderOptions {
  /** Any broker, as `host:port`. */
  readonly broker: string
  readonly topic: string
  /** `committed`: as a consumer with the isolation level `read_committed`. */
  readonly isolation: 'committed' | 'uncommitted'
  /** The shortest time between two requests to one broker. */
  readonly intervalMs?: number
  /** @param at when the response arrived, as `performance.now()` */
  readonly onRecord: (record: ConsumedRecord, at: number) => void
}

const MAX_WAIT_MS = 500

/** Reads all partitions of a topic from their first offset on. Leaders must not change meanwhile. */
export class TopicReader implements AsyncDisposable {
  readonly #options: TopicReaderOptions
  readonly #connections: readonly BrokerConnection[]
  readonly #fetches: readonly PartitionsFetch[]
  #isFollowing = false
  #following: Promise<unknown> = Promise.resolve()

  static async open(options: TopicReaderOptions): Promise<TopicReader> {
    const { broker, topic, isolation } = options
    const bootstrap = await BrokerConnection.open(broker)
    const leaders = await topicLeaders(bootstrap, topic).finally(() => bootstrap.close())
    const connections: BrokerConnection[] = []
    const fetches: PartitionsFetch[] = []
    for (const [address, partitions] of leaders) {
      const connection = await BrokerConnection.open(address)
      connections.push(connection)
      fetches.push(new PartitionsFetch(connection, topic, partitions, isolation))
    }
    return new TopicReader(options, connections, fetches)
  }

  private constructor(
    options: TopicReaderOptions,
    connections: readonly BrokerConnection[],
    fetches: readonly PartitionsFetch[],
  ) {
    this.#options = options
    this.#connections = connections
    this.#fetches = fetches
  }

  /**
   * Starts reading, and continues until `stop`.
   *
   * @param isFollowed default: all partitions are read
   */
  follow(isFollowed: (partition: number) => boolean = () => true): void {
    this.#isFollowing = true
    this.#following = Promise.all(
      this.#fetches.map((fetch) => this.#follow(fetch, fetch.partitions.filter(isFollowed))),
    )
    this.#following.catch(() => {}) // stop() reports it
  }

  /** Stops reading, which can be started again. Rejects if reading has failed. */
  async stop(): Promise<void> {
    this.#isFollowing = false
    await this.#following
  }

  /** Reads to the end of each partition. Must not be called while the reader follows the topic. */
  async readToEnd(): Promise<void> {
    for (const fetch of this.#fetches) {
      do await this.#next(fetch, 0, fetch.partitions)
      while (!fetch.isAtEnd)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isFollowing = false
    await this.#following.catch(() => {})
    for (const connection of this.#connections) connection.close()
  }

  async #follow(fetch: PartitionsFetch, partitions: readonly number[]): Promise<void> {
    const { intervalMs = 0 } = this.#options
    while (this.#isFollowing && partitions.length > 0) {
      const began = performance.now()
      await this.#next(fetch, MAX_WAIT_MS, partitions)
      const restMs = began + intervalMs - performance.now()
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    }
  }

  async #next(fetch: PartitionsFetch, maxWaitMs: number, partitions: readonly number[]): Promise<void> {
    const records = await fetch.next(maxWaitMs, partitions)
    const at = performance.now()
    for (const record of records) this.#options.onRecord(record, at)
  }
}
