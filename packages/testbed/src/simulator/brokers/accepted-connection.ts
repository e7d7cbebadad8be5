import { ADD_PARTITIONS_TO_TXN } from '../../../../kafkajs/src/protocol/add-partitions-to-txn.js'
import { encode } from '../../../../kafkajs/src/protocol/api.js'
import { API_VERSIONS } from '../../../../kafkajs/src/protocol/api-versions.js'
import { CREATE_TOPICS } from '../../../../kafkajs/src/protocol/create-topics.js'
import { END_TXN } from '../../../../kafkajs/src/protocol/end-txn.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { INIT_PRODUCER_ID } from '../../../../kafkajs/src/protocol/init-producer-id.js'
import { PRODUCE } from '../../../../kafkajs/src/protocol/produce.js'
import { handleRequest } from './handle-request.js'
import type { BrokerEnd, SimBroker } from './sim-broker.js'
import type { SimCluster } from './sim-cluster.js'

/** The client's end of a connection. */
export interface ConnectedClient {
  readonly name: string
  /** Sends a response. */
  respond(bytes: Buffer, label: string, throttleTimeMs: number): void
  /** The broker has closed the connection. */
  closed(): void
}

/** The APIs that write with acks from all in-sync replicas. */
const REPLICATED = new Set<number>(
  [PRODUCE, INIT_PRODUCER_ID, ADD_PARTITIONS_TO_TXN, END_TXN, CREATE_TOPICS].map(({ key }) => key),
)

/** The broker's end of a connection: processes one request after the other, and responds in their order. */
export class AcceptedConnection implements BrokerEnd {
  readonly #cluster: SimCluster
  readonly #broker: SimBroker
  readonly #client: ConnectedClient
  readonly #requests: Buffer[] = []
  #isBusy = false
  #throttledUntil = 0
  #isClosed = false

  constructor(cluster: SimCluster, broker: SimBroker, client: ConnectedClient) {
    this.#cluster = cluster
    this.#broker = broker
    this.#client = client
    broker.connections.add(this)
  }

  /** Takes a request with its length and header. */
  receive(request: Buffer): void {
    if (this.#isClosed) {
      this.#client.closed()
      return
    }
    this.#broker.connections.add(this) // the client may have closed it while the request was in transit
    this.#requests.push(request)
    this.process()
  }

  /** The client has closed the connection. What it has sent before is processed. */
  ended(): void {
    if (this.#requests.length === 0) this.#broker.connections.delete(this)
  }

  /** Drops everything that was not processed. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#requests.length = 0
    this.#broker.connections.delete(this)
    this.#client.closed()
  }

  /** Processes the next request, unless the broker cannot now. */
  readonly process = (): void => {
    const { now } = this.#cluster.eventLoop
    if (this.#isBusy || this.#isClosed || !this.#broker.isUp || now < this.#throttledUntil) return
    const request = this.#requests.shift()
    if (request === undefined) return
    this.#isBusy = true
    const handled = this.#handle(request)
    if (handled instanceof Promise) void handled.then((response) => this.#respond(request, response))
    else this.#respond(request, handled)
  }

  #handle(request: Buffer): Response | Promise<Response> {
    const key = request.readInt16BE(4)
    const number = request.readInt16BE(6)
    const codec = this.#cluster.codecs.get(key, number)
    const { apis, node } = this.#broker
    const range = apis.find(({ apiKey }) => apiKey === key)
    const isSupported = range !== undefined && number >= range.minVersion && number <= range.maxVersion
    if (key === API_VERSIONS.key && !isSupported) {
      const refusal = { errorCode: CODE.UNSUPPORTED_VERSION, apiKeys: apis.filter(({ apiKey }) => apiKey === key) }
      return {
        body: encode(this.#cluster.codecs.get(key, 0).codec.response, refusal),
        hasTags: false,
        throttleTimeMs: 0,
      }
    }
    if (!isSupported) {
      this.#cluster.violates(
        'requests have versions of their broker',
        `${codec.api.name} ${number} was sent to ${node}`,
      )
      return undefined
    }
    const throttleTimeMs = this.#cluster.throttleTimeMs()
    const headerBytes = 14 + request.readInt16BE(12) + (codec.codec.version.isFlexible ? 1 : 0)
    const receiver = { cluster: this.#cluster, broker: this.#broker, client: this.#client.name }
    const handled = handleRequest(receiver, codec, request.subarray(headerBytes), throttleTimeMs)
    const hasTags = codec.codec.version.isFlexible && key !== API_VERSIONS.key
    const response = (body: readonly Uint8Array[]) => ({ body, hasTags, throttleTimeMs })
    if (!(handled instanceof Promise) && (this.#cluster.isReplicating || !REPLICATED.has(key))) return response(handled)
    return this.#whenReplicated(key, handled).then(response)
  }

  /** Resolves when all brokers have the effect of a request, except for those that others have taken over from. */
  async #whenReplicated<T>(key: number, handled: T | Promise<T>): Promise<T> {
    const result = await handled
    if (REPLICATED.has(key)) await this.#cluster.whenReplicating()
    await this.#broker.whenThawed()
    return result
  }

  #respond(request: Buffer, response: Response): void {
    this.#isBusy = false
    if (this.#isClosed) return
    if (response === undefined) {
      this.close()
      return
    }
    const { body, hasTags, throttleTimeMs } = response
    const bytes = Buffer.concat([Buffer.alloc(4), request.subarray(8, 12), Buffer.alloc(hasTags ? 1 : 0), ...body])
    bytes.writeInt32BE(bytes.length - 4)
    const { api } = this.#cluster.codecs.get(request.readInt16BE(4), request.readInt16BE(6))
    const label = `${this.#client.name} receives the response: ${api.name} of ${this.#broker.node}`
    this.#client.respond(bytes, label, throttleTimeMs)
    if (throttleTimeMs > 0) {
      this.#throttledUntil = this.#cluster.eventLoop.now + throttleTimeMs
      this.#cluster.eventLoop.schedule(throttleTimeMs, `broker ${this.#broker.node} reads again`, this.process)
    } else this.process()
  }
}

/** `undefined`: the connection is closed instead. */
type Response =
  | { readonly body: readonly Uint8Array[]; readonly hasTags: boolean; readonly throttleTimeMs: number }
  | undefined
