import { type Clock, JoineryError } from '@joinery/core'
import kafkajs, { type KafkaConfig, type RetryOptions } from 'kafkajs'
import { connectionError } from '../kafkajs/connection-errors.js'
import { internalCluster } from '../kafkajs/internal-cluster.js'
import type { InternalCluster } from '../kafkajs/internals.js'
import { type AuthenticatedSocket, openSocket } from '../kafkajs/open-socket.js'
import type { OngoingRetries } from './ongoing-retries.js'
import { exponentialBackoff, logClosed, retry } from './retry.js'

/** How a cluster is reached. */
export interface ClusterOptions {
  /** Distinguishes the clients of one log. */
  readonly name: string
  readonly config: KafkaConfig & { readonly requestTimeout: number; readonly retry: ConnectRetries }
  /** The clock of all timeouts and pauses. */
  readonly clock: Clock
  /** Receives the failures to connect that are retried. */
  readonly retries: OngoingRetries
}

/** kafkajs' options for attempts to connect. */
type ConnectRetries = Required<Pick<RetryOptions, 'initialRetryTime' | 'maxRetryTime' | 'retries'>>

/** The brokers of a cluster: kafkajs finds them, and opens sockets to them. */
export class KafkaBrokers {
  readonly #options: ClusterOptions
  /** Aborts when the client is closed. */
  readonly #closed: AbortSignal
  readonly #cluster: InternalCluster
  readonly #endConnections: () => void
  #connecting: Promise<void> | undefined
  #refreshing: Promise<void> | undefined
  #isConnected = false

  constructor(options: ClusterOptions, closed: AbortSignal) {
    this.#options = options
    this.#closed = closed
    // kafkajs does not retry here: our own pauses are reported, and end when the client is closed
    const { config } = options
    const { cluster, endConnections } = internalCluster(
      new kafkajs.Kafka({ ...config, retry: { ...config.retry, retries: 0 } }),
    )
    this.#cluster = cluster
    this.#endConnections = endConnections
  }

  /** @returns the controller, or the broker that takes its place */
  async controller(): Promise<number> {
    const find = async () => Number((await this.#cluster.findControllerBroker()).nodeId)
    await this.#connect()
    try {
      return await find()
    } catch {
      await this.#refresh() // it may have moved
      return this.#untilClosed('cannot reach the controller', find)
    }
  }

  async openSocket(node: number): Promise<AuthenticatedSocket> {
    await this.#connect()
    return this.#untilClosed(`cannot connect to broker ${node}`, async () =>
      openSocket(this.#cluster, await this.#broker(node)),
    )
  }

  /** Ends all connections that kafkajs uses, including those that are being opened. */
  async close(): Promise<void> {
    if (this.#isConnected) await this.#cluster.disconnect()
    this.#endConnections()
  }

  #connect(): Promise<void> {
    if (this.#closed.aborted) throw logClosed()
    this.#connecting ??= this.#refresh().then(
      () => {
        this.#isConnected = true
      },
      (error: unknown) => {
        this.#connecting = undefined
        throw error
      },
    )
    return this.#connecting
  }

  /** Finds the brokers, once for all concurrent callers. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#findBrokers().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  #findBrokers(): Promise<void> {
    const { config, clock, retries: ongoing } = this.#options
    const { initialRetryTime, maxRetryTime, retries } = config.retry
    const backoff = exponentialBackoff(initialRetryTime, maxRetryTime)
    const what = `connect ${this.#options.name}`
    const attempt = async () => {
      if (!this.#isConnected) await this.#cluster.connect()
      await this.#cluster.refreshMetadata() // from any known broker
    }
    return retry(() => this.#untilClosed('cannot reach any broker', attempt), {
      clock,
      signal: this.#closed,
      maxAttempts: retries + 1,
      isRetriable: (error) => error instanceof JoineryError && error.retriable,
      delayMs: (_error, count) => backoff(count),
      onRetry: (error) => ongoing.report(what, error),
    }).finally(() => ongoing.end(what))
  }

  async #broker(node: number): ReturnType<InternalCluster['findBroker']> {
    try {
      return await this.#cluster.findBroker({ nodeId: String(node) })
    } catch {
      await this.#refresh() // it may be new, or have another address
      return this.#cluster.findBroker({ nodeId: String(node) })
    }
  }

  /** Runs an operation of kafkajs and converts its errors. It cannot be aborted: closing the client only ends the waiting. */
  async #untilClosed<T>(what: string, run: () => Promise<T>): Promise<T> {
    let onClosed = () => {}
    const closing = new Promise<never>((_resolve, reject) => {
      onClosed = () => reject(logClosed())
      this.#closed.addEventListener('abort', onClosed, { once: true })
      if (this.#closed.aborted) onClosed()
    })
    try {
      return await Promise.race([run(), closing])
    } catch (cause) {
      throw connectionError(what, cause)
    } finally {
      this.#closed.removeEventListener('abort', onClosed)
    }
  }
}
