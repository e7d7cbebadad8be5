import { JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { CODE, codeName, isUnauthorized, notAuthorized, ProtocolError } from '../wire/error-codes.js'
import { RequestWriter } from '../wire/request-writer.js'
import type { Aborted, Subscription } from './subscription.js'

/** How much is fetched. */
export interface FetchLimits {
  /** Bytes asked for in one answer, of all partitions. */
  readonly maxBytes: number
  /** Bytes asked for of one partition. */
  readonly maxPartitionBytes: number
}

const FETCH = { api: 1, version: 11 } as const
/** Short, so that a partition which gets room again is not kept waiting by the poll that is under way. */
const MAX_WAIT_MS = 100
const RETRY_MS = 100
const READ_COMMITTED = 1

/** Fetches for all subscriptions: to each leader one request is always on its way, while what came before is worked on. */
export class Fetcher {
  readonly #cluster: KafkaCluster
  readonly #limits: FetchLimits
  readonly #retrying: (error: unknown) => void
  readonly #subscriptions = new Set<Subscription>()
  #loop: Promise<void> | undefined
  /** Leaders whose answer is awaited. */
  readonly #busy = new Set<number>()
  #timer: NodeJS.Timeout | undefined
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
    this.#subscriptions.add(subscription)
    this.kick()
  }

  remove(subscription: Subscription): void {
    subscription.close()
    this.#subscriptions.delete(subscription)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const subscription of [...this.#subscriptions]) this.remove(subscription)
  }

  /** Something may be fetched that could not be before. */
  readonly kick = (): void => {
    if (this.#isClosed || this.#loop !== undefined) return
    this.#loop = this.#sendAll()
      .catch((error: unknown) => {
        this.#retrying(error)
        this.#kickLater()
      })
      .finally(() => {
        this.#loop = undefined
      })
  }

  /** A fetch to every leader that none is under way to. */
  async #sendAll(): Promise<void> {
    const now = performance.now()
    const byLeader = new Map<number, Subscription[]>()
    for (const subscription of this.#subscriptions) {
      if (!subscription.hasRoom) continue
      if (subscription.retryAt > now) {
        this.#kickLater()
        continue
      }
      try {
        const leader = await this.#cluster.leaderOf(subscription.topic, subscription.partition)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), subscription])
      } catch (error) {
        this.#later(subscription, error)
      }
    }
    for (const [leader, subscriptions] of byLeader) {
      if (this.#busy.has(leader)) continue
      this.#busy.add(leader)
      this.#fetch(leader, subscriptions)
        .catch(async (error: unknown) => {
          for (const subscription of subscriptions) this.#later(subscription, error)
          await this.#refresh(subscriptions)
        })
        .finally(() => {
          this.#busy.delete(leader)
          // the loop may just be ending: look again once it has
          if (this.#loop === undefined) this.kick()
          else this.#loop.finally(() => this.kick())
        })
    }
  }

  async #fetch(leader: number, subscriptions: readonly Subscription[]): Promise<void> {
    const asked = new Map(subscriptions.map((each) => [each, each.position]))
    const response = await this.#cluster.request(leader, 'fetch', {
      ...FETCH,
      parts: [this.#body(subscriptions)],
      timeoutMs: MAX_WAIT_MS + 30_000,
    })
    response.int32()
    const code = response.int16()
    if (code !== CODE.NONE) throw new ProtocolError(code, 'Fetch')
    response.int32()
    const moved: Subscription[] = []
    for (let topics = response.int32(); topics > 0; topics--) {
      const topic = response.string()
      for (let partitions = response.int32(); partitions > 0; partitions--) {
        const partition = response.int32()
        const error = response.int16()
        response.int64()
        const stableEnd = response.int64()
        response.int64()
        const aborted = response.array((): Aborted => ({ producerId: response.int64(), firstOffset: response.int64() }))
        response.int32()
        const { from, to } = response.range()
        const subscription = subscriptions.find((each) => each.topic === topic && each.partition === partition)
        if (subscription === undefined || subscription.isClosed || subscription.position !== asked.get(subscription))
          continue
        if (error === CODE.NONE)
          this.#take(subscription, () => subscription.take(response.bytes, from, to, aborted, stableEnd))
        else if (!this.#refused(subscription, error)) moved.push(subscription)
      }
    }
    if (moved.length > 0) await this.#refresh(moved)
  }

  #take(subscription: Subscription, take: () => void): void {
    try {
      take()
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
    if (error instanceof JoineryError && !error.retriable) {
      subscription.fail(error)
      return
    }
    subscription.retryAt = performance.now() + RETRY_MS
    this.#retrying(error)
    this.#kickLater()
  }

  async #refresh(subscriptions: readonly Subscription[]): Promise<void> {
    await this.#cluster.refresh([...new Set(subscriptions.map(({ topic }) => topic))]).catch(this.#retrying)
  }

  #kickLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.kick()
    }, RETRY_MS)
  }

  #body(subscriptions: readonly Subscription[]): Buffer {
    const { maxBytes, maxPartitionBytes } = this.#limits
    const byTopic = new Map<string, Subscription[]>()
    for (const each of subscriptions) byTopic.set(each.topic, [...(byTopic.get(each.topic) ?? []), each])
    const body = new RequestWriter(64 + subscriptions.length * 64)
    body.int32(-1).int32(MAX_WAIT_MS).int32(1).int32(maxBytes).int8(READ_COMMITTED).int32(0).int32(-1)
    body.array([...byTopic], ([topic, some]) => {
      body.string(topic)
      body.array(some, ({ partition, position, grow }) => {
        body
          .int32(partition)
          .int32(-1)
          .int64(position)
          .int64(-1)
          .int32(Math.min(maxPartitionBytes * grow, 2 ** 30))
      })
    })
    return body.int32(0).string('').take()
  }
}
