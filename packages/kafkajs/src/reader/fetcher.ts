import { JoineryError, type Timer } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { ApiRequest } from '../protocol/api.js'
import { CODE, codeName, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import {
  CONSUMER_REPLICA_ID,
  decodeFetchResponse,
  encodeFetchRequest,
  FETCH,
  type FetchPartition,
  type FetchPartitionResponse,
  ISOLATION_LEVEL,
  NO_FETCH_SESSION,
} from '../protocol/fetch.js'
import type { Subscription } from './subscription.js'

/** How much is fetched. */
export interface FetchLimits {
  /** Bytes asked for in one answer, of all partitions. */
  readonly maxBytes: number
  /** Bytes asked for of one partition. */
  readonly maxPartitionBytes: number
  /** Bytes of all partitions from which on only those are fetched that have nothing; default 64 MiB. */
  readonly totalBytes?: number
}

/** Short, so that a partition which gets room again is not kept waiting by the poll that is under way. */
const MAX_WAIT_MS = 100
const RETRY_MS = 100
/** No answer may be larger. */
const MOST_BYTES = 256 * 2 ** 20
const TOTAL_BYTES = 64 * 2 ** 20

/** Fetches for all subscriptions: to each leader one request is always on its way, while what came before is worked on. */
export class Fetcher {
  readonly #cluster: KafkaCluster
  readonly #limits: FetchLimits
  readonly #retrying: (error: unknown) => void
  readonly #subscriptions = new Set<Subscription>()
  #round: Promise<void> | undefined
  /** Somebody kicked while a round was under way. */
  #isKicked = false
  /** Leaders whose answer is awaited. */
  readonly #busy = new Set<number>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(cluster: KafkaCluster, limits: FetchLimits, retrying: (error: unknown) => void) {
    this.#cluster = cluster
    this.#limits = limits
    this.#retrying = retrying
  }

  /** Bytes that were fetched ahead. */
  get bytes(): number {
    let bytes = 0
    for (const subscription of this.#subscriptions) bytes += subscription.bytes
    return bytes
  }

  add(subscription: Subscription): void {
    if (this.#isClosed) {
      subscription.fail(closed())
      return
    }
    this.#subscriptions.add(subscription)
    this.kick()
  }

  remove(subscription: Subscription): void {
    subscription.close()
    this.#subscriptions.delete(subscription)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const subscription of this.#subscriptions) subscription.fail(closed())
    this.#subscriptions.clear()
  }

  /** Something may be fetched that could not be before. */
  readonly kick = (): void => {
    this.#isKicked = true
    if (this.#isClosed || this.#round !== undefined) return
    this.#isKicked = false
    this.#round = this.#sendAll()
      .catch((error: unknown) => {
        this.#retrying(error)
        this.#kickLater()
      })
      .finally(() => {
        this.#round = undefined
        if (this.#isKicked) this.kick()
      })
  }

  /** A fetch to every leader that none is under way to. */
  async #sendAll(): Promise<void> {
    const now = this.#cluster.clock.monotonic()
    const isFull = this.bytes >= (this.#limits.totalBytes ?? TOTAL_BYTES)
    const byLeader = new Map<number, Map<string, Subscription>>()
    for (const subscription of [...this.#subscriptions]) {
      if (!subscription.hasRoom || (isFull && subscription.bytes > 0)) continue
      if (subscription.retryAt > now) {
        this.#kickLater()
        continue
      }
      try {
        const leader = await this.#cluster.leaderOf(subscription.topic, subscription.partition)
        const asked = byLeader.get(leader) ?? new Map<string, Subscription>()
        byLeader.set(leader, asked)
        const id = `${subscription.topic}/${subscription.partition}`
        if (!asked.has(id)) asked.set(id, subscription) // a request names a partition once; the other one is next
      } catch (error) {
        this.#later(subscription, error)
      }
    }
    for (const [leader, asked] of byLeader) this.#start(leader, [...asked.values()])
  }

  #start(leader: number, subscriptions: readonly Subscription[]): void {
    if (this.#busy.has(leader) || this.#isClosed) return
    this.#busy.add(leader)
    const positions = new Map(subscriptions.map((each) => [each, each.position]))
    this.#fetch(leader, positions)
      .catch(async (error: unknown) => {
        for (const subscription of subscriptions) this.#later(subscription, error)
        await this.#refresh(subscriptions)
      })
      .finally(() => {
        this.#busy.delete(leader)
        this.#rotate(positions)
        this.kick()
      })
  }

  /**
   * Whoever was asked for stands behind whoever was not, and whoever got something behind whoever did not: brokers
   * answer in the order of the request, and leave a batch that is larger than its share out unless it is the first.
   */
  #rotate(asked: ReadonlyMap<Subscription, number>): void {
    const isFed = (subscription: Subscription) => subscription.position !== asked.get(subscription)
    const all = [...asked.keys()]
    for (const subscription of [...all.filter((each) => !isFed(each)), ...all.filter(isFed)]) {
      if (this.#subscriptions.delete(subscription)) this.#subscriptions.add(subscription)
    }
  }

  async #fetch(leader: number, asked: ReadonlyMap<Subscription, number>): Promise<void> {
    const subscriptions = [...asked.keys()]
    const reader = await this.#cluster.request(leader, 'fetch', this.#request(subscriptions))
    const { errorCode, responses } = decodeFetchResponse(reader)
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, FETCH.name)
    const moved: Subscription[] = []
    for (const { topic, partitions } of responses) {
      for (const response of partitions) {
        const { partitionIndex } = response
        const subscription = subscriptions.find((each) => each.topic === topic && each.partition === partitionIndex)
        if (subscription === undefined || subscription.isClosed || subscription.position !== asked.get(subscription))
          continue
        if (response.errorCode === CODE.NONE) this.#take(subscription, reader.bytes, response)
        else if (!this.#refused(subscription, response.errorCode)) moved.push(subscription)
      }
    }
    if (moved.length > 0) await this.#refresh(moved)
  }

  #take(subscription: Subscription, bytes: Buffer, fetched: FetchPartitionResponse): void {
    try {
      subscription.take(bytes, fetched)
    } catch (error) {
      subscription.fail(error)
    }
  }

  /** Ends a subscription that cannot go on; answers false if it may try again. */
  #refused(subscription: Subscription, code: number): boolean {
    const { topic, partition, position: offset } = subscription
    if (code === CODE.OFFSET_OUT_OF_RANGE) {
      subscription.fail(
        new JoineryError(
          'OFFSET_OUT_OF_RANGE',
          `offset ${offset} of ${topic}[${partition}] is not in the log: records were deleted before they were read, or the log was cut off`,
          { topic, partition, offset },
        ),
      )
      return true
    }
    if (isUnauthorized(code)) {
      subscription.fail(notAuthorized('read', `topic ${topic}`, code, topic))
      return true
    }
    this.#later(
      subscription,
      new JoineryError('LOG_FAILED', `${topic}[${partition}] cannot be fetched now (${codeName(code)})`, {
        topic,
        partition,
        offset,
        retriable: true,
      }),
    )
    return false
  }

  #later(subscription: Subscription, error: unknown): void {
    if (error instanceof ProtocolError && isUnauthorized(error.code)) {
      this.#refused(subscription, error.code)
      return
    }
    if (error instanceof JoineryError && !error.retriable) {
      subscription.fail(error)
      return
    }
    subscription.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    this.#retrying(error)
    this.#kickLater()
  }

  async #refresh(subscriptions: readonly Subscription[]): Promise<void> {
    await this.#cluster.refresh([...new Set(subscriptions.map(({ topic }) => topic))]).catch(this.#retrying)
  }

  #kickLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = this.#cluster.clock.setTimeout(() => {
      this.#timer = undefined
      this.kick()
    }, RETRY_MS)
  }

  #request(subscriptions: readonly Subscription[]): ApiRequest {
    const share = (grow: number) => Math.min(this.#limits.maxPartitionBytes * grow, MOST_BYTES)
    const maxBytes = Math.max(this.#limits.maxBytes, ...subscriptions.map(({ grow }) => share(grow)))
    const byTopic = new Map<string, FetchPartition[]>()
    for (const { topic, partition, position, grow } of subscriptions) {
      const partitions = byTopic.get(topic) ?? []
      byTopic.set(topic, partitions)
      partitions.push({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: position,
        logStartOffset: -1,
        partitionMaxBytes: share(grow),
      })
    }
    return encodeFetchRequest({
      replicaId: CONSUMER_REPLICA_ID,
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes,
      isolationLevel: ISOLATION_LEVEL.readCommitted,
      ...NO_FETCH_SESSION,
      topics: Array.from(byTopic, ([topic, partitions]) => ({ topic, partitions })),
      forgottenTopicsData: [],
      rackId: '',
    })
  }
}

const closed = (): JoineryError => new JoineryError('LOG_CLOSED', 'the log was closed')
