import { setMaxListeners } from 'node:events'
import type { Clock } from '@joinery/core'
import kafkajs from 'kafkajs'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { API_VERSIONS, CLIENT_SOFTWARE } from '../protocol/api-versions.js'
import { CODE, isCoordinatorMoved, isUnauthorized } from '../protocol/error-codes.js'
import {
  type CoordinatorType,
  FIND_COORDINATOR,
  findCoordinatorRequest,
  foundCoordinator,
} from '../protocol/find-coordinator.js'
import { METADATA } from '../protocol/metadata.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import { BrokerConnection, type RequestOptions } from './broker-connection.js'
import { type ClusterOptions, KafkaBrokers } from './kafka-brokers.js'
import { REQUIRED_APIS } from './required-apis.js'
import { retry } from './retry.js'
import { fetchTopicMetadata, type TopicMetadata } from './topic-metadata.js'

const RETRY_MS = 100
const COORDINATOR_ATTEMPTS = 100
const TRANSACTION_VERSION = 'transaction.version'

/**
 * A client for one purpose. kafkajs finds the brokers, opens the connections and authenticates them; Joinery sends the
 * requests and keeps the leaders of topics. Each channel has a separate connection to each broker, so that long polls do
 * not delay other requests.
 */
export class KafkaCluster {
  readonly kafka: kafkajs.Kafka
  readonly clock: Clock
  readonly #brokers: KafkaBrokers
  readonly #requestTimeoutMs: number
  readonly #closing = new AbortController()
  readonly #connections = new Map<string, Promise<BrokerConnection>>()
  readonly #topics = new Map<string, TopicMetadata>()

  constructor(options: ClusterOptions) {
    const { config, clock } = options
    this.clock = clock
    this.kafka = new kafkajs.Kafka(config)
    setMaxListeners(0, this.closed) // each wait adds a listener
    this.#requestTimeoutMs = config.requestTimeout
    this.#brokers = new KafkaBrokers(options, this.closed)
  }

  /** Aborts when the client is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** Sends a request to a broker, in the highest version that it knows. */
  async request<A extends Api>(
    node: number,
    channel: string,
    api: A,
    request: RequestOf<A>,
    options?: RequestOptions,
  ): Promise<ResponseOf<A>> {
    const connection = await this.#connection(node, channel)
    return connection.send(api, request, options)
  }

  /** Sends a request to the controller, or to the broker that takes its place. */
  async requestAny<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    return this.request(await this.#brokers.controller(), 'main', api, request)
  }

  /** @throws JoineryError `CLIENT_UNSUPPORTED` if the controller does not support these APIs */
  async require(apis: readonly Api[]): Promise<void> {
    const connection = await this.#connection(await this.#brokers.controller(), 'main')
    connection.versions.require(apis)
  }

  /** @returns the leader of a partition, as last known */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const { leaders, code } = await this.#metadataOf(topic)
    const leader = leaders[partition] ?? -1
    if (leader >= 0) return leader
    this.#topics.delete(topic)
    const problem = code === CODE.NONE ? CODE.LEADER_NOT_AVAILABLE : code
    throw new ProtocolError(problem, `${METADATA.name} of ${topic}[${partition}]`, topic)
  }

  /** @returns how many partitions a topic has, as last known */
  async partitionsOf(topic: string): Promise<number> {
    const { leaders, code } = await this.#metadataOf(topic)
    if (leaders.length > 0) return leaders.length
    this.#topics.delete(topic)
    throw new ProtocolError(code, `${METADATA.name} of ${topic}`, topic)
  }

  /** Fetches metadata of topics, in the order of their names. */
  async refresh(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const found = await fetchTopicMetadata((request) => this.requestAny(METADATA, request), topics)
    for (const each of found) {
      if (each.code === CODE.NONE) this.#topics.set(each.topic, each)
      else this.#topics.delete(each.topic)
    }
    return found
  }

  /** @returns the coordinator of a group or of a transactional id, once there is one */
  async coordinatorOf(type: CoordinatorType, key: string): Promise<number> {
    const request = findCoordinatorRequest(type, key)
    return retry(
      async () => {
        const { errorCode, nodeId } = foundCoordinator(await this.requestAny(FIND_COORDINATOR, request))
        if (errorCode === CODE.NONE) return nodeId
        if (isUnauthorized(errorCode))
          throw notAuthorized('use', `${type === 'group' ? 'group' : 'transactional id'} ${key}`, errorCode)
        throw new ProtocolError(errorCode, `${FIND_COORDINATOR.name} of ${key}`)
      },
      {
        clock: this.clock,
        signal: this.closed,
        maxAttempts: COORDINATOR_ATTEMPTS,
        isRetriable: (error) => error instanceof ProtocolError && isCoordinatorMoved(error.code),
        delayMs: () => RETRY_MS,
      },
    )
  }

  /** @returns the finalized level of `transaction.version`: from 2 on, a transaction ends with a new epoch (KIP-890) */
  async transactionVersion(): Promise<number> {
    const { errorCode, finalizedFeatures } = await this.requestAny(API_VERSIONS, CLIENT_SOFTWARE)
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, API_VERSIONS.name)
    return finalizedFeatures.find(({ name }) => name === TRANSACTION_VERSION)?.maxVersionLevel ?? 0
  }

  /** Closes all connections, including those that are being opened. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const opening of this.#connections.values())
      opening.then(
        (connection) => connection.close(),
        () => {}, // it did not open, so there is nothing to close
      )
    this.#connections.clear()
    await this.#brokers.close()
  }

  async #metadataOf(topic: string): Promise<TopicMetadata> {
    return this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
  }

  async #connection(node: number, channel: string): Promise<BrokerConnection> {
    const id = `${node}/${channel}`
    for (;;) {
      const current = this.#connections.get(id)
      const connection = await current?.catch(() => undefined)
      if (connection?.isUsable) return connection
      if (this.#connections.get(id) !== current) continue // another caller is already opening one
      const opening = this.#open(node)
      this.#connections.set(id, opening)
      opening.catch(() => this.#connections.get(id) === opening && this.#connections.delete(id))
      return opening
    }
  }

  async #open(node: number): Promise<BrokerConnection> {
    const socket = await this.#brokers.openSocket(node)
    return BrokerConnection.open(socket, this.clock, this.#requestTimeoutMs, REQUIRED_APIS)
  }
}
