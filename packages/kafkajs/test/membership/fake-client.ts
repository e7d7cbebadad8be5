import { JoineryError } from '@joinery/core'
import type { RequestOptions } from '../../src/connection/broker-connection.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { sleep } from '../../src/connection/retry.js'
import type { Api, RequestOf, ResponseOf } from '../../src/protocol/api.js'
import { carry } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'
import type { ApiName, FakeBrokers } from './fake-brokers.js'

const VERSIONS = versionsOf('4.3')

/**
 * What happens to a request. The connection breaks before the broker has the `request`, or before its `response` arrives; the
 * response gets `stuck` until {@link FakeClient.deliver}.
 */
export type Fault = 'request' | 'response' | 'stuck'

/** One connection: a broker processes its next request once it has responded to the one before. */
interface Connection {
  processed: Promise<void>
  isOpen: boolean
  readonly rejects: Set<(error: Error) => void>
}

/** The connections of one member to brokers. */
export class FakeClient {
  /** How long a broker may take to respond. */
  requestTimeoutMs = 10_000
  /** Whether no broker can be reached. */
  isCutOff = false
  /** How long the next message is on its way, in milliseconds. */
  latencyMs: () => number = () => 0
  /** The errors of the next lookups of the coordinator. */
  readonly lookupErrors: Error[] = []
  /** The APIs that no broker supports. */
  unsupported: readonly ApiName[] = []
  /** The errors of the next metadata requests. */
  readonly metadataErrors: Error[] = []
  lookups = 0
  readonly #name: string
  readonly #brokers: FakeBrokers
  readonly #connections = new Map<string, Connection>()
  readonly #faults = new Map<string, Fault[]>()
  #stuck: (() => void)[] = []

  constructor(name: string, brokers: FakeBrokers) {
    this.#name = name
    this.#brokers = brokers
  }

  get cluster(): KafkaCluster {
    const fake: Pick<KafkaCluster, 'clock' | 'coordinatorOf' | 'partitionsOf' | 'request'> = {
      clock: this.#brokers.clock,
      coordinatorOf: () => this.#coordinator(),
      partitionsOf: async () => {
        const error = this.metadataErrors.shift()
        if (error !== undefined) throw error
        return this.#brokers.partitions
      },
      request: (...request) => this.#request(...request),
    }
    return fake as KafkaCluster
  }

  /** What happens to the next requests of one kind. */
  lose(api: ApiName, ...faults: readonly Fault[]): void {
    this.#faults.set(api, [...faults])
  }

  /** The responses that are stuck arrive. */
  deliver(): void {
    for (const deliver of this.#stuck.splice(0)) deliver()
  }

  /** From now on no fault happens. */
  heal(): void {
    this.isCutOff = false
    this.latencyMs = () => 0
    this.#faults.clear()
    this.deliver()
  }

  /** No broker can be reached. */
  cutOff(): void {
    this.isCutOff = true
    for (const connection of this.#connections.values()) this.#break(connection)
  }

  async #coordinator(): Promise<number> {
    this.lookups++
    await this.#travel()
    const error = this.lookupErrors.shift()
    if (error !== undefined) throw error
    if (this.isCutOff) throw lost()
    return this.#brokers.node
  }

  #request<A extends Api>(
    node: number,
    channel: string,
    api: A,
    sent: RequestOf<A>,
    { maxWaitMs = 0 }: RequestOptions = {},
  ): Promise<ResponseOf<A>> {
    return new Promise((resolve, reject) => {
      if (this.isCutOff) {
        reject(lost())
        return
      }
      if (this.unsupported.includes(api.name as ApiName)) {
        reject(new JoineryError('CLIENT_UNSUPPORTED', `no broker supports ${api.name}`))
        return
      }
      const { request, respond } = carry(VERSIONS, api, sent)
      const fault = this.#faults.get(api.name)?.shift()
      const connection = this.#connection(node, channel)
      const timer = this.#brokers.clock.setTimeout(() => this.#break(connection), this.requestTimeoutMs + maxWaitMs)
      const failed = (error: Error) => {
        timer.cancel()
        reject(error)
      }
      connection.rejects.add(failed)
      if (fault === 'request') {
        this.#break(connection)
        return
      }
      connection.processed = connection.processed.then(async () => {
        await this.#travel()
        if (!connection.isOpen) return
        const response = await this.#brokers.process(node, this.#name, api, request)
        if (fault === 'response') this.#break(connection)
        await this.#travel()
        if (fault === 'stuck') await new Promise<void>((arrive) => this.#stuck.push(arrive))
        if (!connection.isOpen) return
        timer.cancel()
        connection.rejects.delete(failed)
        resolve(respond(response as never))
      })
    })
  }

  #connection(node: number, channel: string): Connection {
    const id = `${node}/${channel}`
    let connection = this.#connections.get(id)
    if (connection?.isOpen !== true) {
      connection = { processed: Promise.resolve(), isOpen: true, rejects: new Set() }
      this.#connections.set(id, connection)
    }
    return connection
  }

  #break(connection: Connection): void {
    connection.isOpen = false
    for (const reject of connection.rejects) reject(lost())
    connection.rejects.clear()
  }

  async #travel(): Promise<void> {
    const ms = this.latencyMs()
    if (ms > 0) await sleep(this.#brokers.clock, ms)
  }
}

export const lost = (): JoineryError =>
  new JoineryError('LOG_FAILED', 'connection to broker broker-1:9092 lost', { retriable: true })
