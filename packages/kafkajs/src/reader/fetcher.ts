import { JoineryError, type Timer } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { logClosed } from '../connection/retry.js'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { FETCH } from '../protocol/fetch.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { fetchError } from './fetch-error.js'
import { type FetchLimits, fetchRequest } from './fetch-request.js'
import type { FetchedPartition, Subscription } from './subscription.js'

const RETRY_MS = 100
const TOTAL_BYTES = 64 * 2 ** 20
/** How long a replica is fetched from before the leader is asked again which one is best: the default of Kafka's consumer. */
const REPLICA_MS = 300_000

/** Is notified of retries. `what` names the partition, or all of them. */
export interface FetchListener {
  /** A fetch has failed, and is retried. */
  onRetry(what: string, error: unknown): void
  /** A fetch that was retried has succeeded, or is no longer needed. */
  onRetryEnd?(what: string): void
}

/**
 * Fetches for all subscriptions. As long as a subscription of a leader has room, one request to that leader is in flight,
 * also while earlier records are processed.
 */
export class Fetcher {
  readonly #cluster: KafkaCluster
  readonly #limits: FetchLimits
  readonly #listener: FetchListener
  readonly #subscriptions = new Set<Subscription>()
  #round: Promise<void> | undefined
  #isWakeupPending = false
  /** Brokers with a request in flight. */
  readonly #busy = new Set<number>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(cluster: KafkaCluster, limits: FetchLimits, listener: FetchListener) {
    this.#cluster = cluster
    this.#limits = limits
    this.#listener = listener
  }

  /** Bytes that were fetched ahead. */
  get bytes(): number {
    let bytes = 0
    for (const subscription of this.#subscriptions) bytes += subscription.bytes
    return bytes
  }

  add(subscription: Subscription): void {
    if (this.#isClosed) {
      subscription.fail(logClosed())
      return
    }
    this.#subscriptions.add(subscription)
    this.wakeup()
  }

  remove(subscription: Subscription): void {
    subscription.close()
    this.#endRetry(subscription)
    this.#subscriptions.delete(subscription)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const subscription of this.#subscriptions) subscription.fail(logClosed())
    this.#subscriptions.clear()
  }

  /** Starts the fetches that have become possible. */
  readonly wakeup = (): void => {
    this.#isWakeupPending = true
    if (this.#isClosed || this.#round !== undefined) return
    this.#isWakeupPending = false
    this.#round = this.#sendAll()
      .catch((error: unknown) => {
        this.#report('fetch', error)
        this.#wakeupLater()
      })
      .finally(() => {
        this.#round = undefined
        if (this.#isWakeupPending) this.wakeup()
      })
  }

  /** Sends a fetch to every broker that has none in flight. */
  async #sendAll(): Promise<void> {
    const now = this.#cluster.clock.monotonic()
    const isFull = this.bytes >= (this.#limits.totalBytes ?? TOTAL_BYTES)
    const byBroker = new Map<number, Map<string, Subscription>>()
    for (const subscription of [...this.#subscriptions]) {
      if (!subscription.hasRoom || (isFull && subscription.bytes > 0)) continue
      if (subscription.retryAt > now) {
        this.#wakeupLater()
        continue
      }
      try {
        const { topic, partition, replica } = subscription
        const broker =
          replica !== undefined && now < replica.until ? replica.node : await this.#cluster.leaderOf(topic, partition)
        const requested = byBroker.get(broker) ?? new Map<string, Subscription>()
        byBroker.set(broker, requested)
        const id = `${topic}/${partition}`
        // a request contains a partition once: another subscription to it follows in the next request
        if (!requested.has(id)) requested.set(id, subscription)
      } catch (error) {
        this.#failOrRetry(subscription, error)
      }
    }
    for (const [broker, requested] of byBroker) this.#start(broker, [...requested.values()])
  }

  #start(broker: number, subscriptions: readonly Subscription[]): void {
    if (this.#busy.has(broker) || this.#isClosed) return
    this.#busy.add(broker)
    const positions = new Map(subscriptions.map((each) => [each, each.position]))
    this.#fetch(broker, positions)
      .catch(async (error: unknown) => {
        for (const subscription of subscriptions) this.#failOrRetry(subscription, error)
        await this.#refresh(subscriptions)
      })
      .finally(() => {
        this.#busy.delete(broker)
        this.#rotate(positions)
        this.wakeup()
      })
  }

  /**
   * Moves the subscriptions of a request to the end; those that got records come last. Brokers fill a response in the order
   * of the request, and leave out a batch that is larger than its share unless it is the first.
   */
  #rotate(requested: ReadonlyMap<Subscription, number>): void {
    const hasAdvanced = (subscription: Subscription) => subscription.position !== requested.get(subscription)
    const all = [...requested.keys()]
    for (const subscription of [...all.filter((each) => !hasAdvanced(each)), ...all.filter(hasAdvanced)]) {
      if (this.#subscriptions.delete(subscription)) this.#subscriptions.add(subscription)
    }
  }

  async #fetch(broker: number, requested: ReadonlyMap<Subscription, number>): Promise<void> {
    const subscriptions = [...requested.keys()]
    const request = fetchRequest(subscriptions, this.#limits)
    const { maxWaitMs } = request
    const { errorCode, responses } = await this.#cluster.request(broker, 'fetch', FETCH, request, { maxWaitMs })
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${FETCH.name} from broker ${broker}`)
    const moved: Subscription[] = []
    for (const { topic, partitions } of responses) {
      for (const fetched of partitions) {
        const { partitionIndex } = fetched
        const subscription = subscriptions.find((each) => each.topic === topic && each.partition === partitionIndex)
        // a response to a request for another position is obsolete
        if (
          subscription === undefined ||
          subscription.isClosed ||
          subscription.position !== requested.get(subscription)
        )
          continue
        if (fetched.errorCode === CODE.NONE) this.#add(subscription, fetched)
        else if (subscription.replica !== undefined) this.#returnToLeader(subscription)
        else if (this.#failOrRetry(subscription, fetchError(fetched.errorCode, subscription))) moved.push(subscription)
      }
    }
    if (moved.length > 0) await this.#refresh(moved)
  }

  #add(subscription: Subscription, fetched: FetchedPartition): void {
    this.#endRetry(subscription)
    const { preferredReadReplica: node } = fetched
    if (node >= 0) subscription.replica = { node, until: this.#cluster.clock.monotonic() + REPLICA_MS }
    try {
      subscription.addFetched(fetched)
    } catch (error) {
      subscription.fail(error)
    }
  }

  /** A replica may be behind: only an error of the leader counts (KIP-392). */
  #returnToLeader(subscription: Subscription): void {
    subscription.replica = undefined
    subscription.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    this.#wakeupLater()
  }

  /** @returns whether the subscription fetches again; if not, the error has ended it */
  #failOrRetry(subscription: Subscription, cause: unknown): boolean {
    if (subscription.isClosed) return false // it was removed while the request was in flight
    subscription.replica = undefined
    const isRefused = cause instanceof ProtocolError && isUnauthorized(cause.code)
    const error = isRefused ? fetchError(cause.code, subscription) : cause
    if (error instanceof JoineryError && !error.retriable) {
      this.#endRetry(subscription)
      subscription.fail(error)
      return false
    }
    subscription.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    subscription.isRetrying = true
    this.#report(fetchOf(subscription), error)
    this.#wakeupLater()
    return true
  }

  async #refresh(subscriptions: readonly Subscription[]): Promise<void> {
    if (this.#isClosed) return
    await this.#cluster.refresh([...new Set(subscriptions.map(({ topic }) => topic))]).catch((error: unknown) => {
      const retrying = subscriptions.find(({ isRetrying }) => isRetrying)
      if (retrying !== undefined) this.#report(fetchOf(retrying), error)
    })
  }

  /** Does not report that closing has ended the requests in flight. */
  #report(what: string, error: unknown): void {
    if (!this.#isClosed) this.#listener.onRetry(what, error)
  }

  #endRetry(subscription: Subscription): void {
    if (!subscription.isRetrying) return
    subscription.isRetrying = false
    this.#listener.onRetryEnd?.(fetchOf(subscription))
  }

  #wakeupLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = this.#cluster.clock.setTimeout(() => {
      this.#timer = undefined
      this.wakeup()
    }, RETRY_MS)
  }
}

const fetchOf = ({ topic, partition }: Subscription): string => `fetch ${topic}[${partition}]`
