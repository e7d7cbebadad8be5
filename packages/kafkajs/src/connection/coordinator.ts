import { JoineryError } from '@joinery/core'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import type { CoordinatorType } from '../protocol/find-coordinator.js'
import type { RequestOptions } from './broker-connection.js'
import type { BrokerRequestOptions, KafkaCluster } from './kafka-cluster.js'
import { sleep } from './retry.js'

/** How often the cluster is queried for the coordinator while a response is missing. */
const CHECK_MS = 1_000
/** For how long after a move some brokers may still take the former coordinator for the current one. */
const PROPAGATION_MS = 1_000

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
  /** The last one that was found. */
  #found: number | undefined
  /** The one before it. */
  #former: number | undefined
  /** When a coordinator was found that was not the one before, in monotonic milliseconds. */
  #movedAt = Number.NEGATIVE_INFINITY

  constructor(cluster: KafkaCluster, type: CoordinatorType, key: string) {
    this.#cluster = cluster
    this.#type = type
    this.#key = key
  }

  /** Looks the coordinator up, unless it is known. */
  async find(): Promise<number> {
    this.#node ??= await this.#lookUp()
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

  /**
   * Sends a request to another broker, which may wait for the coordinator before it responds: the leader of a partition
   * adds it to a transaction. If the coordinator does not respond, the leader waits for half a minute (its
   * `request.timeout.ms`), and reads nothing else from the connection. So the connection is closed as soon as another broker
   * is the coordinator.
   *
   * @throws JoineryError `LOG_FAILED`, retriable, if there is no response
   */
  requestLeader<A extends Api>(
    leader: number,
    channel: string,
    api: A,
    request: RequestOf<A>,
    options: BrokerRequestOptions = {},
  ): Promise<ResponseOf<A>> {
    const isPropagating = this.#cluster.clock.monotonic() - this.#movedAt < PROPAGATION_MS
    const coordinator = isPropagating ? this.#former : this.#found
    const response = this.#cluster.request(leader, channel, api, request, options)
    return this.#unlessMoved(coordinator, response, ({ message }) => this.#cluster.abandon(leader, channel, message))
  }

  #unlessMoved<T>(
    node: number | undefined,
    response: Promise<T>,
    onMoved: (error: JoineryError) => void = () => {},
  ): Promise<T> {
    const settled = new AbortController()
    return new Promise((resolve, reject) => {
      response.then(resolve, reject).finally(() => settled.abort())
      this.#moved(node, settled.signal).then((error) => {
        if (error === undefined || settled.signal.aborted) return
        reject(error)
        onMoved(error)
      })
    })
  }

  /** Resolves with an error once another broker is the coordinator. Never rejects. */
  async #moved(node: number | undefined, settled: AbortSignal): Promise<JoineryError | undefined> {
    let from = node
    for (;;) {
      await sleep(this.#cluster.clock, CHECK_MS, settled)
      if (settled.aborted) return undefined
      const to = await this.#lookUp().catch(() => from)
      from ??= to
      if (settled.aborted) return undefined
      if (to === from) continue
      const message = `the coordinator of ${this.#type} ${this.#key} has moved from broker ${from}, which did not respond, to broker ${to}`
      return new JoineryError('LOG_FAILED', message, { retriable: true })
    }
  }

  async #lookUp(): Promise<number> {
    const node = await this.#cluster.coordinatorOf(this.#type, this.#key)
    if (this.#found !== undefined && this.#found !== node) {
      this.#former = this.#found
      this.#movedAt = this.#cluster.clock.monotonic()
    }
    this.#found = node
    return node
  }
}
