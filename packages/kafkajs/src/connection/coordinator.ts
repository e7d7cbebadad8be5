import { JoineryError } from '@joinery/core'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import type { CoordinatorType } from '../protocol/find-coordinator.js'
import type { RequestOptions } from './broker-connection.js'
import type { KafkaCluster } from './kafka-cluster.js'
import { sleep } from './retry.js'

/** How often the cluster is queried for the coordinator while a response is missing. */
const CHECK_MS = 1_000

/**
 * The coordinator of a group or of a transactional id. It is looked up on first use, and again after {@link forget} or a
 * request without a response. A request fails as soon as another broker is the coordinator, because this one may never
 * respond.
 */
export class Coordinator {
  readonly #cluster: KafkaCluster
  readonly #type: CoordinatorType
  readonly #key: string
  #node: number | undefined

  constructor(cluster: KafkaCluster, type: CoordinatorType, key: string) {
    this.#cluster = cluster
    this.#type = type
    this.#key = key
  }

  /** Looks the coordinator up, unless it is known. */
  async find(): Promise<number> {
    this.#node ??= await this.#cluster.coordinatorOf(this.#type, this.#key)
    return this.#node
  }

  /** The broker has responded that it is not the coordinator, or not yet. */
  forget(): void {
    this.#node = undefined
  }

  /** @throws JoineryError `LOG_FAILED`, retriable, if there is no response */
  async request<A extends Api>(
    channel: string,
    api: A,
    request: RequestOf<A>,
    options: RequestOptions = {},
  ): Promise<ResponseOf<A>> {
    const node = await this.find()
    try {
      return await this.#unlessMoved(node, this.#cluster.request(node, channel, api, request, options))
    } catch (error) {
      if (this.#node === node) this.forget()
      throw error
    }
  }

  #unlessMoved<T>(node: number, response: Promise<T>): Promise<T> {
    const settled = new AbortController()
    return new Promise((resolve, reject) => {
      response.then(resolve, reject).finally(() => settled.abort())
      this.#moved(node, settled.signal).then((error) => error !== undefined && reject(error))
    })
  }

  /** Resolves with an error once another broker is the coordinator. Never rejects. */
  async #moved(from: number, settled: AbortSignal): Promise<JoineryError | undefined> {
    for (;;) {
      await sleep(this.#cluster.clock, CHECK_MS, settled)
      if (settled.aborted) return undefined
      const to = await this.#cluster.coordinatorOf(this.#type, this.#key).catch(() => from)
      if (to === from) continue
      const message = `the coordinator of ${this.#type} ${this.#key} has moved from broker ${from}, which did not respond, to broker ${to}`
      return new JoineryError('LOG_FAILED', message, { retriable: true })
    }
  }
}
