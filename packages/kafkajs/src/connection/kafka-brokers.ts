import { isJoineryError, JoineryError } from '@joinery/core'
import { type BrokerAddress, brokerAddressText } from '../broker-address.js'
import { connectionError } from '../kafkajs/connection-errors.js'
import { CODE } from '../protocol/error-codes.js'
import { METADATA } from '../protocol/metadata.js'
import { isRebootstrapRequired, ProtocolError } from '../protocol/protocol-error.js'
import { bootstrap } from './bootstrap.js'
import { BrokerConnection } from './broker-connection.js'
import { BrokerOrder } from './broker-order.js'
import type { AnyOptions, AnyResponse, BrokersOptions, ClusterBroker } from './brokers-options.js'
import type { ConnectionListener } from './connection-options.js'
import { hedged } from './hedged.js'
import { OpeningConnection, type OpeningListener } from './opening-connection.js'
import { reportWhileOverdue } from './overdue.js'
import { logClosed } from './retry.js'
import { UnresponsiveBrokers } from './unresponsive-brokers.js'

/** After how long the request is also sent to the next broker. */
const NEXT_BROKER_MS = 1_000
/** Of its own: requests to which any broker can respond do not wait behind others. */
const ANY_CHANNEL = 'any'
const CONNECTING = 'a connection attempt'
const NO_TOPICS = { topics: [], allowAutoTopicCreation: false, includeTopicAuthorizedOperations: false } as const
const IGNORED: ConnectionListener = { overdue() {}, responded() {}, throttled() {}, ended() {} }

/**
 * The brokers of a cluster, and the connections to them. A channel names the purpose of a connection: each broker has one
 * connection per channel, so that a request that a broker holds back, such as a long poll, delays none of another channel.
 */
export class KafkaBrokers {
  readonly unresponsive: UnresponsiveBrokers
  readonly #options: BrokersOptions
  readonly #nodes = new Map<number, ClusterBroker>()
  readonly #connections = new Map<string, OpeningConnection>()
  /** When the list of brokers was fetched, in monotonic milliseconds. */
  #updatedAt = Number.NEGATIVE_INFINITY
  readonly #order = new BrokerOrder()
  #bootstrapping: Promise<void> | undefined
  #refreshing: Promise<void> | undefined

  constructor(options: BrokersOptions) {
    this.#options = options
    this.unresponsive = new UnresponsiveBrokers(options.clock)
  }

  /** Whether a list of brokers that was fetched since then lacks a broker. */
  hasLeft(node: number, since: number): boolean {
    return !this.#nodes.has(node) && this.#updatedAt >= since
  }

  isResponsive(node: number): boolean {
    return this.#nodes.has(node) && !this.unresponsive.isAvoided(node)
  }

  get nodes(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** Takes the brokers that the cluster lists now. Connections to a broker that has moved are closed when they are idle. */
  update(brokers: readonly ClusterBroker[]): void {
    if (brokers.length === 0) return
    for (const { nodeId, host, port } of brokers) {
      const before = this.#nodes.get(nodeId)
      if (before !== undefined && (before.host !== host || before.port !== port))
        this.#each(nodeId, (connection) => connection.retire())
    }
    this.#updatedAt = this.#options.clock.monotonic()
    this.#nodes.clear()
    for (const broker of brokers) this.#nodes.set(broker.nodeId, broker)
  }

  /**
   * Returns the connection to a broker, and opens it if needed. If that fails, it fetches the broker's current address.
   *
   * @param channel the purpose of the connection
   */
  async connection(node: number, channel: string): Promise<BrokerConnection> {
    await this.#connected()
    const before = this.#nodes.get(node)
    try {
      return await this.#connection(node, channel)
    } catch (error) {
      this.#failIfClosed()
      if (isJoineryError(error) && !error.retriable) throw error
      await this.#refresh().catch(() => {}) // the error that counts is the first one
      const now = this.#nodes.get(node)
      if (now === undefined || (before !== undefined && sameAddress(before, now))) throw error
      return this.#connection(node, channel)
    }
  }

  /**
   * Sends a request to brokers until one responds: first to a responsive one, and to one more each second. If none does, or
   * one responds that clients must find the cluster again (KIP-1102), that is done first.
   *
   * @throws the error of the first broker, if none responds
   */
  async any<T>(send: (connection: BrokerConnection) => Promise<T>, options?: AnyOptions): Promise<AnyResponse<T>> {
    await this.#connected()
    try {
      const first = await this.#any(send, options)
      if (!isRebootstrapRequired(first.response)) return first
      for (const node of this.#nodes.keys()) this.#each(node, (connection) => connection.retire())
    } catch (error) {
      this.#failIfClosed()
      if (isJoineryError(error) && !error.retriable) throw error
    }
    await this.#bootstrap() // no known broker is where it was
    return this.#any(send, options)
  }

  /**
   * From now on, requests to which any broker can respond go to another broker: one that is cut off from its cluster responds,
   * but its metadata is outdated. Default: the broker that has responded last.
   */
  leave(node?: number): void {
    this.#order.leave(node)
  }

  /**
   * Closes connections to a broker. Their requests fail, so that they are sent again, to the new leader.
   *
   * @param channel only this one
   */
  abandon(node: number, reason: string, channel?: string): void {
    this.#each(node, (connection) => connection.close(reason), channel)
  }

  #failIfClosed(): void {
    if (this.#options.closed.aborted) throw logClosed()
  }

  #each(node: number, run: (connection: OpeningConnection) => void, channel = ''): void {
    const start = `${node}/${channel}`
    for (const [id, connection] of this.#connections)
      if (channel === '' ? id.startsWith(start) : id === start) run(connection)
  }

  async #any<T>(
    send: (connection: BrokerConnection) => Promise<T>,
    { channel = ANY_CHANNEL, preferred, last }: AnyOptions = {},
  ): Promise<AnyResponse<T>> {
    const hasChannel = (node: number) => this.#connections.has(`${node}/${channel}`)
    const isConnected = channel === ANY_CHANNEL ? undefined : hasChannel
    const { unresponsive } = this
    const nodes = this.#order.of(this.#nodes.keys(), { unresponsive, isConnected, preferred, last })
    const from = async (node: number) => ({ response: await send(await this.#connection(node, channel)), node })
    const attempts = nodes.map((node) => () => from(node))
    const first = await hedged(attempts, NEXT_BROKER_MS, this.#options.clock).catch((error: unknown) => {
      throw firstOf(error)
    })
    if (channel === ANY_CHANNEL) this.#order.responded(first.node)
    return first
  }

  async #connection(node: number, channel: string): Promise<BrokerConnection> {
    const id = `${node}/${channel}`
    for (;;) {
      const current = this.#connections.get(id)
      const connection = await current?.opened // if it fails, it fails for all that wait for it
      if (connection?.isUsable) return connection
      if (this.#connections.get(id) !== current) continue // another caller is already opening one
      connection?.retire()
      const opening = this.#openNode(node, connection?.throttledUntil)
      this.#connections.set(id, opening)
      opening.opened.catch(() => this.#connections.get(id) === opening && this.#connections.delete(id))
      return opening.opened
    }
  }

  #openNode(node: number, throttledUntil = 0): OpeningConnection {
    const broker = this.#nodes.get(node)
    if (broker === undefined)
      throw new JoineryError('LOG_FAILED', `broker ${node} is not in the cluster now`, { retriable: true })
    const address = brokerAddressText(broker)
    const { clock, throttling, onUnresponsive } = this.#options
    const listener: OpeningListener = {
      overdue: (api, waitedSince, since) => {
        this.unresponsive.add(node, { api, address, waitedSince })
        onUnresponsive(node, since)
      },
      responded: (waitedSince) => this.unresponsive.responded(node, waitedSince),
      throttled: (ms) => throttling.add(ms),
      ended: () => this.unresponsive.remove(node),
    }
    return new OpeningConnection(address, clock, listener, (to) => this.#open(broker, to, throttledUntil))
  }

  async #open(address: BrokerAddress, listener: ConnectionListener, throttledUntil = 0): Promise<BrokerConnection> {
    this.#failIfClosed()
    const { sockets, clock, requestTimeoutMs: timeoutMs, required, closed: signal } = this.#options
    try {
      const opening = sockets.open(address)
      const startedAt = clock.monotonic()
      reportWhileOverdue(clock, opening, () => listener.overdue(CONNECTING, startedAt, startedAt))
      const options = { clock, timeoutMs, required, listener, throttledUntil, signal }
      return await BrokerConnection.open(await opening, options)
    } catch (cause) {
      listener.ended()
      this.#failIfClosed()
      throw connectionError(`cannot connect to broker ${brokerAddressText(address)}`, cause)
    }
  }

  async #connected(): Promise<void> {
    this.#failIfClosed()
    if (this.#nodes.size === 0) await this.#bootstrap()
  }

  /** Fetches the list of brokers, once for all concurrent callers. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#any((connection) => connection.send(METADATA, NO_TOPICS))
      .then(({ response }) => this.update(response.brokers))
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  /** Finds the cluster, once for all concurrent callers. */
  #bootstrap(): Promise<void> {
    this.#bootstrapping ??= this.#findCluster().finally(() => {
      this.#bootstrapping = undefined
    })
    return this.#bootstrapping
  }

  async #findCluster(): Promise<void> {
    this.update(await bootstrap(this.#options, (address) => this.#brokersOf(address)))
  }

  async #brokersOf(address: BrokerAddress): Promise<readonly ClusterBroker[]> {
    const connection = await this.#open(address, IGNORED)
    try {
      const { errorCode, brokers } = await connection.send(METADATA, NO_TOPICS)
      if (errorCode === CODE.NONE) return brokers
      throw new ProtocolError(errorCode, `${METADATA.name} of broker ${brokerAddressText(address)}`)
    } finally {
      connection.close('its brokers are known')
    }
  }
}

const sameAddress = (a: BrokerAddress, b: BrokerAddress): boolean => a.host === b.host && a.port === b.port

/** @returns the error that needs a person, else the first one */
function firstOf(error: unknown): unknown {
  const { errors } = error as AggregateError
  return errors.find((each) => isJoineryError(each) && !each.retriable) ?? errors[0] ?? error
}
