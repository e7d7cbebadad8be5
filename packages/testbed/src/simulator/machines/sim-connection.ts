import { JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../../../../kafkajs/src/connection/kafka-cluster.js'
import type { TopicMetadata } from '../../../../kafkajs/src/connection/topic-metadata.js'
import { type ApiRequest, isFlexible } from '../../../../kafkajs/src/protocol/api.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { ResponseReader } from '../../../../kafkajs/src/protocol/response-reader.js'
import { handleRequest } from '../brokers/handle-request.js'
import { type Network, NoResponseError } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimProcess } from './sim-process.js'

/** The connections of one process, with metadata that may be outdated and requests that may get lost. */
class SimConnection {
  readonly clock: SimProcess['clock']
  readonly #process: SimProcess
  readonly #network: Network
  readonly #cluster: SimCluster
  readonly #topics = new Map<string, TopicMetadata>()

  constructor(process: SimProcess, network: Network, cluster: SimCluster) {
    this.clock = process.clock
    this.#process = process
    this.#network = network
    this.#cluster = cluster
  }

  async request(node: number, _channel: string, { api, version, parts }: ApiRequest): Promise<ResponseReader> {
    const request = { api: api.key, isFlexible: isFlexible(api, version), body: Buffer.concat(parts) }
    return new ResponseReader(
      await this.#call(`${api.name} to ${node}`, () => handleRequest(this.#cluster, node, request)),
    )
  }

  async leaderOf(topic: string, partition: number): Promise<number> {
    const { leaders } = this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
    return leaders[partition] as number
  }

  async partitionsOf(topic: string): Promise<number> {
    const { leaders } = this.#topics.get(topic) ?? ((await this.refresh([topic]))[0] as TopicMetadata)
    return leaders.length
  }

  async refresh(topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    const cluster = this.#cluster
    const found = await this.#call('Metadata', () =>
      topics.map((topic): TopicMetadata => {
        const info = cluster.info(topic)
        const { id = '', partitions = 0 } = info ?? {}
        const code = info === undefined ? CODE.UNKNOWN_TOPIC_OR_PARTITION : CODE.NONE
        return { topic, id, code, leaders: Array.from({ length: partitions }, (_, i) => cluster.leaderOf(topic, i)) }
      }),
    )
    for (const each of found) this.#topics.set(each.topic, each)
    return found
  }

  requestAny(request: ApiRequest): Promise<ResponseReader> {
    return this.request(0, 'main', request)
  }

  coordinatorOf(_type: 'transaction', id: string): Promise<number> {
    return this.#call('FindCoordinator', () => this.#cluster.coordinatorOf(id))
  }

  transactionVersion(): Promise<number> {
    return this.#call('ApiVersions', () => this.#cluster.transactions.version)
  }

  #call<T>(label: string, execute: () => T | Promise<T>): Promise<T> {
    return this.#network.call(this.#process, `${this.#process.name} ${label}`, execute).catch((error: unknown) => {
      if (!(error instanceof NoResponseError)) throw error
      throw new JoineryError('LOG_FAILED', `connection to a broker lost: no response to ${label}`, {
        cause: error,
        retriable: true,
      })
    })
  }
}

/** Simulates the part of the connections that kafkaLog's reader and writer use. */
export function simConnection(process: SimProcess, network: Network, cluster: SimCluster): KafkaCluster {
  return new SimConnection(process, network, cluster) as unknown as KafkaCluster
}
