import { JoineryError } from '@joinery/core'
import type { RequestOptions } from '../../../../kafkajs/src/connection/broker-connection.js'
import type { KafkaCluster } from '../../../../kafkajs/src/connection/kafka-cluster.js'
import type { TopicMetadata } from '../../../../kafkajs/src/connection/topic-metadata.js'
import { type Api, encode, type RequestOf, type ResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import { ResponseReader } from '../../../../kafkajs/src/protocol/codec/response-reader.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
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

  async request<A extends Api>(
    node: number,
    _channel: string,
    api: A,
    request: RequestOf<A>,
    options?: RequestOptions,
  ): Promise<ResponseOf<A>> {
    const codec = this.#cluster.versions.codec(api, options)
    const body = Buffer.concat(encode(codec.request, request))
    const response = await this.#call(`${api.name} to ${node}`, () =>
      handleRequest(this.#cluster, node, api, codec, body),
    )
    return codec.response.read(new ResponseReader(response))
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

  requestAny<A extends Api>(api: A, request: RequestOf<A>): Promise<ResponseOf<A>> {
    return this.request(0, 'main', api, request)
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
