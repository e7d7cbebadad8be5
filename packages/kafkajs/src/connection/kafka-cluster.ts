import { setMaxListeners } from 'node:events'
import { type Clock, JoineryError } from '@joinery/core'
import type { TopicPartition } from '@joinery/core/log'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { API_VERSIONS, CLIENT_SOFTWARE } from '../protocol/api-versions.js'
import { CODE } from '../protocol/error-codes.js'
import type { CoordinatorType } from '../protocol/find-coordinator.js'
import { METADATA } from '../protocol/metadata.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { BrokerConnection, RequestOptions } from './broker-connection.js'
import type { AnyOptions } from './brokers-options.js'
import type { ClusterOptions } from './cluster-options.js'
import { findCoordinator } from './find-coordinator.js'
import { KafkaBrokers } from './kafka-brokers.js'
import { KnownTopics } from './known-topics.js'
import { REQUIRED_APIS } from './required-apis.js'
import { fromStarted, type TopicMetadata, topicMetadata, topicsRequest } from './topic-metadata.js'

/** How old the metadata of topics may be while it is used. */
const MAX_AGE_MS = 60_000
const TRANSACTION_VERSION = 'transaction.version'
/** The controller, and a broker that forwards a request to it, may hold the response back. */
const CONTROLLER_CHANNEL = 'controller'

/** Options of a request to one broker. */
export interface BrokerRequestOptions extends RequestOptions {
  /** The partitions that the request is for: the broker must lead them. */
  readonly mustLead?: readonly TopicPartition[]
}

/**
 * A cluster client, one each for reading and for writing: sends requests to brokers and caches partition leaders.
 *
 * An unresponsive broker does not stop the others. While it does not respond, metadata is fetched from another broker each
 * second. If that shows that it no longer leads one of its partitions, or has left the cluster, the client closes its
 * connections to the broker, so that pending requests fail and are retried on the new leaders.
 *
 * A broker that is cut off from its cluster may continue to respond in time, as if it still led its partitions. So leaders
 * with an older epoch than the known one are ignored, and metadata is fetched once a minute, each time from another broker.
 */
export class KafkaCluster {
  readonly clock: Clock
  readonly #options: ClusterOptions
  readonly #brokers: KafkaBrokers
  readonly #closing = new AbortController()
  readonly #topics: KnownTopics
  /** Unresponsive brokers for which metadata is being fetched. */
  readonly #checking = new Set<number>()
  #controller: number | undefined
  /** When the metadata of all topics was last fetched because of its age, in monotonic milliseconds. */
  #refreshedAt: number

  constructor(options: ClusterOptions) {
    this.clock = options.clock
    this.#options = options
    this.#topics = new KnownTopics(options.clock)
    this.#refreshedAt = options.clock.monotonic()
    setMaxListeners(0, this.closed) // each wait adds a listener
    this.#brokers = new KafkaBrokers({
      ...options,
      required: REQUIRED_APIS,
      closed: this.closed,
      onUnresponsive: (node, sentAt) => void this.#checkUnresponsive(node, sentAt),
    })
  }

  /** Aborts when the client is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** The brokers that do not respond, as text. */
  get problems(): readonly string[] {
    return this.#brokers.unresponsive.problems
  }

  /**
   * Sends a request to a broker, in the highest version that it knows.
   *
   * @param channel the purpose of the connection: each broker has one connection per channel, so that requests of one
   * channel that the broker holds back do not delay those of another
   * @throws JoineryError `LOG_FAILED`, retriable, if there is no response, or another broker leads one of the partitions now
   */
  async request<A extends Api>(
    node: number,
    channel: string,
    api: A,
    request: RequestOf<A>,
    options?: BrokerRequestOptions,
  ): Promise<ResponseOf<A>> {
    this.#refreshIfOld()
    this.#checkLeads(node, options)
    let connection = await this.#brokers.connection(node, channel)
    if (!connection.versions.supports(api, options)) {
      // the broker may have been upgraded since the connection was opened
      connection.retire()
      connection = await this.#brokers.connection(node, channel)
    }
    this.#checkLeads(node, options)
    return connection.send(api, request, options)
  }

  /**
   * Closes the connection to a broker that holds a response back. Its requests fail, so that they are sent again.
   *
   * @param channel the purpose of the connection
   */
  abandon(node: number, channel: string, reason: string): void {
    this.#brokers.abandon(node, reason, channel)
  }

  /** Sends a request to which any broker can respond, and which may be sent to several. */
  async requestAny<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    return (await this.#brokers.any((connection) => connection.send(api, request))).response
  }

  /** Sends a request to the controller; if it does not respond, to other brokers, which may forward it. */
  async requestController<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    const options = { channel: CONTROLLER_CHANNEL, preferred: this.#controller }
    return (await this.#brokers.any((connection) => connection.send(api, request), options)).response
  }

  /** @throws JoineryError `CLIENT_UNSUPPORTED` if no reachable broker supports these APIs */
  async require(apis: readonly Api[]): Promise<void> {
    await this.#brokers.any(async (connection) => connection.versions.require(apis))
  }

  /** @returns the leader of a partition, as last known; `undefined` if it has to be looked up */
  knownLeaderOf(topic: string, partition: number): number | undefined {
    return this.#topics.leaderOf(topic, partition)
  }

  /** @returns the epoch of the leader of a partition, as last known; -1 if it is not known */
  knownLeaderEpochOf(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaderEpochs[partition] ?? -1
  }

  /** @returns the leader of a partition, as last known, or from another lookup */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const known = this.#topics.leaderOf(topic, partition)
    if (known !== undefined) return known
    const [{ leaders, code }] = (await this.refresh([topic])) as [TopicMetadata]
    const leader = leaders[partition] ?? -1
    if (leader >= 0) return leader
    this.#brokers.leave() // another one may know the leader
    const problem = code === CODE.NONE ? CODE.LEADER_NOT_AVAILABLE : code
    throw new ProtocolError(problem, `${METADATA.name} of ${topic}[${partition}]`, topic)
  }

  /** @returns how many partitions a topic has, as last known */
  async partitionsOf(topic: string): Promise<number> {
    const known = this.#topics.get(topic)?.leaders.length ?? 0
    if (known > 0) return known
    const [{ leaders, code }] = (await this.refresh([topic])) as [TopicMetadata]
    if (leaders.length > 0) return leaders.length
    throw new ProtocolError(code, `${METADATA.name} of ${topic}`, topic)
  }

  /** @returns whether a partition of a topic has a single replica, although the cluster has several brokers, as last known */
  async lacksReplicas(topic: string): Promise<boolean> {
    const known = this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
    return known.lacksReplicas
  }

  /** Whether a broker is in the cluster, and has responded in time, as far as is known. */
  isResponsive(node: number): boolean {
    return this.#brokers.isResponsive(node)
  }

  /** The brokers of the cluster, as last known. */
  get brokers(): readonly number[] {
    return this.#brokers.nodes
  }

  /** Fetches metadata of topics, in the order of `topics`. */
  async refresh(topics: readonly string[], options: Pick<AnyOptions, 'last'> = {}): Promise<readonly TopicMetadata[]> {
    const request = topicsRequest(topics)
    const send = async (to: BrokerConnection) => fromStarted(await to.send(METADATA, request))
    const { response, node } = await this.#brokers.any(send, options)
    const found = topicMetadata(response, topics)
    const latest = found.map((each) => this.#topics.update(each))
    if (latest.some((each, at) => each !== found[at])) this.#brokers.leave(node)
    else {
      this.#brokers.update(response.brokers)
      this.#controller = response.controllerId
    }
    return latest
  }

  /** @returns the coordinator of a group or of a transactional id, once there is one */
  coordinatorOf(type: CoordinatorType, key: string): Promise<number> {
    return findCoordinator(this, this.#options.retries, type, key)
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
    this.#options.sockets.close()
  }

  /** Fetches the metadata of all topics from another broker, if it is old. Any failure shows elsewhere. */
  #refreshIfOld(): void {
    const now = this.clock.monotonic()
    if (now - this.#refreshedAt < MAX_AGE_MS) return
    this.#refreshedAt = now
    this.#brokers.leave()
    this.refresh(this.#topics.names).catch(() => {})
  }

  /** Closes the connections to a broker that does not respond if others have taken over from it. Never rejects. */
  async #checkUnresponsive(node: number, sentAt: number): Promise<void> {
    // another refresh may already have shown it: one that is running may wait for this broker
    if (this.#abandonIfReplaced(node, sentAt) || this.#checking.has(node)) return
    this.#checking.add(node)
    try {
      await this.refresh(this.#topics.names, { last: node })
      this.#abandonIfReplaced(node, sentAt)
    } catch {
      // no broker responds: the request times out
    } finally {
      this.#checking.delete(node)
    }
  }

  /** @returns whether others have taken over from a broker since then, as far as is known */
  #abandonIfReplaced(node: number, since: number): boolean {
    const hasLeft = this.#brokers.hasLeft(node, since)
    if (!hasLeft && !this.#topics.hasLost(node, since)) return false
    this.#brokers.abandon(node, hasLeft ? 'it has left the cluster' : 'another broker leads its partitions')
    return true
  }

  /** A request that is sent later than the change of leaders would wait for an unresponsive broker until it times out. */
  #checkLeads(node: number, { mustLead = [] }: BrokerRequestOptions = {}): void {
    for (const { topic, partition } of mustLead) {
      const leader = this.#topics.get(topic)?.leaders[partition] ?? node
      if (leader === node) continue
      const message = `broker ${node} no longer leads ${topic}[${partition}]`
      throw new JoineryError('LOG_FAILED', message, { retriable: true, topic, partition })
    }
  }
}
