import { type Clock, JoineryError, systemClock } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { connectionError } from '../kafkajs/connection-errors.js'
import { clusterOf, type InternalCluster } from '../kafkajs/internals.js'
import type { ApiRequest } from '../protocol/api.js'
import { API_VERSIONS, decodeApiVersionsResponse, encodeApiVersionsRequest } from '../protocol/api-versions.js'
import { CODE, isCoordinatorMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import {
  COORDINATOR_TYPE,
  type CoordinatorType,
  decodeFindCoordinatorResponse,
  encodeFindCoordinatorRequest,
} from '../protocol/find-coordinator.js'
import { decodeMetadataResponse, encodeMetadataRequest, type MetadataTopic, NO_TOPIC_ID } from '../protocol/metadata.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import { Link } from './link.js'
import { sleep } from './sleep.js'

/** A topic as its metadata has it. */
export interface TopicMetadata {
  readonly topic: string
  readonly id: string
  readonly code: number
  /** The leader of each partition; -1 where there is none. */
  readonly leaders: readonly number[]
}

const REQUEST_TIMEOUT_MS = 30_000
const RETRY_MS = 100
const COORDINATOR_TRIES = 100
const TRANSACTION_VERSION = 'transaction.version'

/**
 * One client for one purpose: kafkajs opens and authenticates its connections and knows the brokers, requests and
 * topics' leaders are ours. Sockets are told apart by `lane`, so that long polls delay nobody.
 */
export class KafkaCluster {
  readonly kafka: kafkajs.Kafka
  /** What everything that is done with it waits by. */
  readonly clock: Clock
  readonly #cluster: InternalCluster
  readonly #endConnections: () => void
  readonly #requestTimeoutMs: number
  readonly #links = new Map<string, Promise<Link>>()
  readonly #topics = new Map<string, TopicMetadata>()
  #connected: Promise<void> | undefined
  #isClosed = false

  constructor(config: KafkaConfig, clock: Clock = systemClock) {
    this.clock = clock
    this.kafka = new kafkajs.Kafka(config)
    const { cluster, end } = clusterOf(this.kafka)
    this.#cluster = cluster
    this.#endConnections = end
    this.#requestTimeoutMs = config.requestTimeout ?? REQUEST_TIMEOUT_MS
  }

  /** Sends a request to a broker. */
  async request(node: number, lane: string, request: ApiRequest): Promise<ResponseReader> {
    const link = await this.#link(node, lane)
    return link.send(request)
  }

  /** Sends a request to the controller, or to the broker that stands in for it. */
  async requestAny(request: ApiRequest): Promise<ResponseReader> {
    return this.request(await this.#anyNode(), 'main', request)
  }

  /** The leader of a partition, as last known. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    const { leaders, code } = this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
    const leader = leaders[partition] ?? -1
    if (leader >= 0) return leader
    this.#topics.delete(topic)
    const problem = code === CODE.NONE ? CODE.LEADER_NOT_AVAILABLE : code
    throw new ProtocolError(problem, `Metadata of ${topic}[${partition}]`, topic)
  }

  /** How many partitions a topic has, as last known. */
  async partitionsOf(topic: string): Promise<number> {
    const { leaders, code } = this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
    if (leaders.length > 0) return leaders.length
    this.#topics.delete(topic)
    throw new ProtocolError(code, `Metadata of ${topic}`)
  }

  /** Asks for metadata anew (Metadata v10, which has topics' identities). */
  async refresh(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const request = encodeMetadataRequest({
      topics: topics.map((name) => ({ topicId: NO_TOPIC_ID, name })),
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    const response = decodeMetadataResponse(await this.requestAny(request))
    const found = new Map(response.topics.map((each) => [each.name, topicMetadata(each)]))
    for (const each of found.values()) {
      if (each.code === CODE.NONE) this.#topics.set(each.topic, each)
      else this.#topics.delete(each.topic)
    }
    return topics.map(
      (topic) => found.get(topic) ?? { topic, id: '', code: CODE.UNKNOWN_TOPIC_OR_PARTITION, leaders: [] },
    )
  }

  /** The coordinator of a group or of a transactional id; asks until there is one. */
  async coordinatorOf(type: CoordinatorType, key: string): Promise<number> {
    for (let tries = 1; ; tries++) {
      const request = encodeFindCoordinatorRequest({ key, keyType: COORDINATOR_TYPE[type] })
      const { errorCode: code, nodeId } = decodeFindCoordinatorResponse(await this.requestAny(request))
      if (code === CODE.NONE) return nodeId
      if (isUnauthorized(code))
        throw notAuthorized('use', `${type === 'group' ? 'group' : 'transactional id'} ${key}`, code)
      if (!isCoordinatorMoved(code) || tries === COORDINATOR_TRIES || this.#isClosed)
        throw new ProtocolError(code, `FindCoordinator of ${key}`)
      await sleep(this.clock, RETRY_MS)
    }
  }

  /** The finalized level of `transaction.version`: from 2 on, a transaction ends with a new epoch (KIP-890). */
  async transactionVersion(): Promise<number> {
    const request = encodeApiVersionsRequest({ clientSoftwareName: 'joinery', clientSoftwareVersion: '0' })
    const { errorCode, finalizedFeatures } = decodeApiVersionsResponse(await this.requestAny(request))
    if (errorCode === CODE.UNSUPPORTED_VERSION) return 0
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, API_VERSIONS.name)
    return finalizedFeatures.find(({ name }) => name === TRANSACTION_VERSION)?.maxVersionLevel ?? 0
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const link of this.#links.values())
      link.then(
        (open) => open.close(),
        () => {},
      ) // one that never opened needs no closing
    this.#links.clear()
    if (this.#connected === undefined) return
    await this.#connected.catch(() => {}) // whoever used it was told
    await this.#cluster.disconnect()
    this.#endConnections()
  }

  async #anyNode(): Promise<number> {
    await this.#connect()
    try {
      return Number((await this.#cluster.findControllerBroker()).nodeId)
    } catch {
      return this.#anotherNode() // it may have moved
    }
  }

  async #anotherNode(): Promise<number> {
    try {
      await this.#cluster.refreshMetadata()
      return Number((await this.#cluster.findControllerBroker()).nodeId)
    } catch (cause) {
      throw connectionError('no broker could be reached', cause)
    }
  }

  #connect(): Promise<void> {
    if (this.#isClosed) throw new JoineryError('LOG_CLOSED', 'the log was closed')
    this.#connected ??= this.#cluster
      .connect()
      .then(() => this.#cluster.refreshMetadata())
      .catch((cause: unknown) => {
        this.#connected = undefined
        throw connectionError('no broker could be reached', cause)
      })
    return this.#connected
  }

  async #link(node: number, lane: string): Promise<Link> {
    const id = `${node}/${lane}`
    for (;;) {
      const current = this.#links.get(id)
      const link = await current?.catch(() => undefined)
      if (link?.isUsable) return link
      if (this.#links.get(id) !== current) continue // another caller opens a new one already
      const opening = this.#open(node)
      this.#links.set(id, opening)
      opening.catch(() => this.#links.get(id) === opening && this.#links.delete(id))
      return opening
    }
  }

  async #open(node: number): Promise<Link> {
    await this.#connect()
    try {
      return await Link.open(this.#cluster, await this.#broker(node), this.#requestTimeoutMs)
    } catch (cause) {
      throw connectionError(`broker ${node} cannot be reached`, cause)
    }
  }

  async #broker(node: number): ReturnType<InternalCluster['findBroker']> {
    try {
      return await this.#cluster.findBroker({ nodeId: String(node) })
    } catch {
      await this.#cluster.refreshMetadata() // it may be new
      return this.#cluster.findBroker({ nodeId: String(node) })
    }
  }
}

function topicMetadata({ name, topicId, errorCode, partitions }: MetadataTopic): TopicMetadata {
  const leaders: number[] = []
  for (const { partitionIndex, leaderId } of partitions) leaders[partitionIndex] = leaderId
  return { topic: name, id: topicId, code: errorCode, leaders: Array.from(leaders, (leader) => leader ?? -1) }
}
