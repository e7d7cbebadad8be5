import { type Clock, JoineryError, systemClock } from '@joinery/core'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { connectionError } from '../kafkajs/connection-errors.js'
import { clusterOf, type InternalCluster } from '../kafkajs/internals.js'
import { CODE, isCoordinatorMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import { Link, type Request } from './link.js'
import { sleep } from './sleep.js'

/** A topic as its metadata has it. */
export interface TopicMetadata {
  readonly topic: string
  readonly id: string
  readonly code: number
  /** The leader of each partition; -1 where there is none. */
  readonly leaders: readonly number[]
}

const API = { METADATA: 3, FIND_COORDINATOR: 10, API_VERSIONS: 18 } as const
const COORDINATOR_TYPE = { group: 0, transaction: 1 } as const
const REQUEST_TIMEOUT_MS = 30_000
const RETRY_MS = 100
const COORDINATOR_TRIES = 100
const TRANSACTION_VERSION = 'transaction.version'
const FINALIZED_FEATURES_TAG = 2

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
  async request(node: number, lane: string, request: Request): Promise<ResponseReader> {
    const link = await this.#link(node, lane)
    return link.send(request)
  }

  /** Sends a request to the controller, or to the broker that stands in for it. */
  async requestAny(request: Request): Promise<ResponseReader> {
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
    const body = new RequestWriter()
    body.compactArray(topics, (topic) => body.int64(0).int64(0).compactString(topic).tags()) // asked for by name
    return this.#metadata(topics, body)
  }

  /** The coordinator of a group or of a transactional id; asks until there is one. */
  async coordinatorOf(type: keyof typeof COORDINATOR_TYPE, key: string): Promise<number> {
    for (let tries = 1; ; tries++) {
      const body = new RequestWriter().string(key).int8(COORDINATOR_TYPE[type])
      const reader = await this.requestAny({ api: API.FIND_COORDINATOR, version: 2, parts: [body.take()] })
      reader.int32()
      const code = reader.int16()
      reader.string()
      const node = reader.int32()
      if (code === CODE.NONE) return node
      if (isUnauthorized(code))
        throw notAuthorized('use', `${type === 'group' ? 'group' : 'transactional id'} ${key}`, code)
      if (!isCoordinatorMoved(code) || tries === COORDINATOR_TRIES || this.#isClosed)
        throw new ProtocolError(code, `FindCoordinator of ${key}`)
      await sleep(this.clock, RETRY_MS)
    }
  }

  /** The finalized level of `transaction.version`: from 2 on, a transaction ends with a new epoch (KIP-890). */
  async transactionVersion(): Promise<number> {
    const body = new RequestWriter().compactString('joinery').compactString('0').tags()
    const reader = await this.requestAny({ api: API.API_VERSIONS, version: 3, flexible: true, parts: [body.take()] })
    const code = reader.int16()
    if (code === CODE.UNSUPPORTED_VERSION) return 0
    if (code !== CODE.NONE) throw new ProtocolError(code, 'ApiVersions')
    reader.compactArray(() => {
      reader.skip(6)
      reader.tags()
    })
    reader.int32()
    let level = 0
    for (let tags = reader.uvarint(); tags > 0; tags--) {
      const tag = reader.uvarint()
      const end = reader.uvarint() + reader.at
      if (tag === FINALIZED_FEATURES_TAG) {
        reader.compactArray(() => {
          const name = reader.compactString()
          const max = reader.int16()
          reader.int16()
          reader.tags()
          if (name === TRANSACTION_VERSION) level = max
        })
      }
      reader.skip(end - reader.at)
    }
    return level
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

  async #metadata(topics: readonly string[], body: RequestWriter): Promise<readonly TopicMetadata[]> {
    body.int8(0).int8(0).int8(0).tags() // create no topics, tell no operations
    const reader = await this.requestAny({ api: API.METADATA, version: 10, flexible: true, parts: [body.take()] })
    reader.int32()
    reader.compactArray(() => {
      reader.int32()
      reader.compactString()
      reader.int32()
      reader.compactString()
      reader.tags()
    })
    reader.compactString()
    reader.int32()
    const found = reader.compactArray((): TopicMetadata => {
      const code = reader.int16()
      const topic = reader.compactString() ?? ''
      const id = reader.uuid()
      reader.int8()
      const leaders: number[] = []
      reader.compactArray(() => {
        reader.int16()
        const partition = reader.int32()
        leaders[partition] = reader.int32()
        reader.int32()
        for (let lists = 3; lists > 0; lists--) reader.compactArray(() => reader.int32())
        reader.tags()
      })
      reader.int32()
      reader.tags()
      return { topic, id, code, leaders: Array.from(leaders, (leader) => leader ?? -1) }
    })
    for (const each of found) {
      if (each.code === CODE.NONE) this.#topics.set(each.topic, each)
      else this.#topics.delete(each.topic)
    }
    return topics.map(
      (topic) =>
        found.find((each) => each.topic === topic) ?? {
          topic,
          id: '',
          code: CODE.UNKNOWN_TOPIC_OR_PARTITION,
          leaders: [],
        },
    )
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
