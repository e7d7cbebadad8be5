import type { Socket } from 'node:net'
import type { JoineryError } from '@joinery/core'
import { ManualClock } from '@joinery/core/testing'
import { type BrokerAddress, brokerAddressText } from '../../src/broker-address.js'
import type { ClusterOptions } from '../../src/connection/cluster-options.js'
import { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import { Throttling } from '../../src/connection/throttling.js'
import type { AuthenticatedSocket } from '../../src/kafkajs/socket-opener.js'
import type { Api, ReceivedRequestOf, SentResponseOf } from '../../src/protocol/api.js'
import { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { type Arrived, FakeSocket } from './fake-socket.js'
import { apiKeysOf } from './releases.js'

/** A broker of a fake cluster. Tests change its fields. */
export interface FakeBroker {
  readonly nodeId: number
  host: string
  port: number
  /** `frozen`: accepts connections and requests, and does not respond. `unreachable`: connecting takes forever. */
  state: 'up' | 'frozen' | 'refuses' | 'unreachable'
  /** Connecting ends only when this resolves. */
  connecting?: Promise<void>
  /** The error of connecting, instead. */
  error?: Error
}

/** @returns the response; `undefined` holds it back forever */
type Respond<A extends Api> = (request: ReceivedRequestOf<A>, node: number) => SentResponseOf<A> | undefined

export const REQUEST_TIMEOUT_MS = 10_000

/** A cluster in memory, with its own clock. Requests and responses are bytes on fake sockets. */
export class FakeBrokers {
  readonly clock: ManualClock
  readonly brokers: FakeBroker[]
  /** The leaders of each topic. */
  readonly topics: Record<string, number[]> = {}
  /** The replicas of each partition of a topic; default: the brokers do not say. */
  readonly replicas: Record<string, number[][]> = {}
  /** The leader epochs of each topic; default: the brokers do not say. */
  readonly epochs: Record<string, number[]> = {}
  /** The id of each topic; default: the same one. */
  readonly ids: Record<string, string> = {}
  /** The nodes that metadata lists; default: all. */
  listed: readonly number[] | undefined
  controller = 1
  sessionLifetimeMs: number = Number.POSITIVE_INFINITY
  throttleTimeMs = 0
  /** How long brokers take to respond to an API. */
  readonly delaysMs: Map<Api, number> = new Map()
  /** Each request: its time, broker and API. */
  readonly requests: { readonly at: number; readonly node: number; readonly api: string; readonly request: unknown }[] =
    []
  readonly opened: {
    readonly node: number
    readonly at: number
    readonly socket: FakeSocket
    /** The APIs of the requests that arrived. */
    readonly apis: Set<string>
  }[] = []
  /** Errors after which something is retried. */
  readonly reports: JoineryError[] = []
  readonly throttling: Throttling
  readonly #responses = new Map<number, Respond<Api>>()
  /** Connections on which a response is held back: brokers process nothing else from them. */
  readonly #held = new Set<FakeSocket>()
  /** What brokers that are cut off from the others take for the topics. */
  readonly #cutOff = new Map<number, Pick<FakeBrokers, 'topics' | 'epochs' | 'ids' | 'listed'>>()
  readonly #closed = new AbortController()

  constructor(count: number = 3, clock: ManualClock = new ManualClock(0)) {
    this.clock = clock
    this.throttling = new Throttling(clock)
    this.brokers = Array.from({ length: count }, (_, i) => ({
      nodeId: i + 1,
      host: `broker-${i + 1}`,
      port: 9092,
      state: 'up' as const,
    }))
    this.on(API_VERSIONS, () => ({ errorCode: 0, apiKeys: apiKeysOf('4.3') }))
    this.on(METADATA, ({ topics }, node) => ({
      brokers: this.brokers.filter(({ nodeId }) => this.#viewOf(node).listed?.includes(nodeId) ?? true),
      controllerId: this.controller,
      throttleTimeMs: this.throttleTimeMs,
      topics: (topics ?? []).map(({ name }) => {
        const view = this.#viewOf(node)
        const leaders = view.topics[name ?? '']
        return {
          errorCode: leaders === undefined ? 3 : 0,
          name,
          topicId: view.ids[name ?? ''] ?? '00000000000000000000000000000001',
          partitions: (leaders ?? []).map((leaderId, partitionIndex) => ({
            errorCode: 0,
            partitionIndex,
            leaderId,
            leaderEpoch: view.epochs[name ?? '']?.[partitionIndex] ?? -1,
            replicaNodes: this.replicas[name ?? '']?.[partitionIndex] ?? [],
            isrNodes: [],
            offlineReplicas: [],
          })),
        }
      }),
      errorCode: 0,
    }))
  }

  /** Sets the response of all brokers to an API. */
  on<A extends Api>({ key }: A, respond: Respond<A>): void {
    this.#responses.set(key, respond as unknown as Respond<Api>)
  }

  /** Cuts a broker off from the others: it continues to respond, and does not notice any change from now on. */
  cutOff(node: number): void {
    const { topics, epochs, ids, listed } = this
    this.#cutOff.set(node, { ...structuredClone({ topics, epochs, ids }), listed: listed && [...listed] })
  }

  #viewOf(node: number): Pick<FakeBrokers, 'topics' | 'epochs' | 'ids' | 'listed'> {
    return this.#cutOff.get(node) ?? this
  }

  broker(node: number): FakeBroker {
    return this.brokers.find(({ nodeId }) => nodeId === node) as FakeBroker
  }

  get options(): ClusterOptions {
    return {
      name: 'test',
      clock: this.clock,
      bootstrap: async () => this.brokers.map(({ host, port }) => ({ host, port })),
      sockets: { open: (address) => this.#open(address), close: () => this.#closed.abort() },
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      connectRetry: { initialRetryTime: 100, maxRetryTime: 5_000, retries: 10 },
      retries: new OngoingRetries((error) => this.reports.push(error)),
      throttling: this.throttling,
    }
  }

  cluster(options: Partial<ClusterOptions> = {}): KafkaCluster {
    return new KafkaCluster({ ...this.options, ...options })
  }

  /** Everything that can happen without time passing has happened. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await this.clock.yieldToEventLoop()
  }

  async advance(ms: number): Promise<void> {
    await this.settled() // so that timers are set
    await this.clock.advance(ms)
    await this.settled()
  }

  /** When requests of an API arrived, by node. */
  arrivals(api: Api): [node: number, at: number][] {
    return this.requests.filter((each) => each.api === api.name).map(({ node, at }) => [node, at])
  }

  /** The sockets that are open, by node. */
  get open(): readonly number[] {
    return this.opened.filter(({ socket }) => !socket.destroyed).map(({ node }) => node)
  }

  async #open(address: BrokerAddress): Promise<AuthenticatedSocket> {
    const broker = this.brokers.find(({ host, port }) => host === address.host && port === address.port)
    if (broker?.error !== undefined) throw broker.error
    if (broker === undefined || broker.state === 'refuses')
      throw new Error(`connect ECONNREFUSED ${brokerAddressText(address)}`)
    if (broker.state === 'unreachable')
      return new Promise((_, reject) =>
        this.#closed.signal.addEventListener('abort', () => reject(new Error('the client was closed'))),
      )
    await broker.connecting
    const apis = new Set<string>()
    const socket: FakeSocket = new FakeSocket((arrived) => {
      apis.add(arrived.api.name)
      this.#arrived(broker, socket, arrived)
    })
    this.opened.push({ node: broker.nodeId, at: this.clock.monotonic(), socket, apis })
    return {
      socket: socket as unknown as Socket,
      address: brokerAddressText(address),
      clientId: 'test',
      sessionLifetimeMs: this.sessionLifetimeMs,
    }
  }

  #arrived({ nodeId: node, state }: FakeBroker, socket: FakeSocket, { api, request, respond }: Arrived): void {
    this.requests.push({ at: this.clock.monotonic(), node, api: api.name, request })
    if (state === 'frozen' || this.#held.has(socket)) return
    const response = this.#responses.get(api.key)?.(request as ReceivedRequestOf<Api>, node)
    const delayMs = this.delaysMs.get(api)
    if (response === undefined) this.#held.add(socket)
    else if (delayMs === undefined) respond(api, response)
    else this.clock.setTimeout(() => respond(api, response), delayMs)
  }
}

/** @returns how a promise ends, once it has */
export function outcomeOf<T>(promise: Promise<T>): { result?: T; error?: JoineryError; isSettled: boolean } {
  const outcome: { result?: T; error?: JoineryError; isSettled: boolean } = { isSettled: false }
  promise.then(
    (result) => Object.assign(outcome, { result, isSettled: true }),
    (error: JoineryError) => Object.assign(outcome, { error, isSettled: true }),
  )
  return outcome
}
