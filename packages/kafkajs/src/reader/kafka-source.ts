import { isJoineryError, JoineryError, type Origin } from '@joinery/core'
import type { Batch, LogSource, TopicInfo, TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, codeName, isLeaderMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'
import { Fetcher, type FetchLimits } from './fetcher.js'
import { Subscription } from './subscription.js'
import { describeConfigs } from './topic-configs.js'

/** How much is held in memory. */
export interface ReadLimits extends FetchLimits {
  /** Bytes fetched ahead of each partition's reader. */
  readonly prefetchBytes: number
  /** Bytes that one compressed batch may grow to. */
  readonly maxDecompressedBytes: number
}

const LIST_OFFSETS = { api: 2, version: 3 } as const
const EARLIEST = -2
const LATEST = -1
const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1
const RETRY_MS = 100
const TRIES = 100

/** Reads topics without a group, through fetches of our own. */
export class KafkaSource implements LogSource {
  readonly #cluster: KafkaCluster
  readonly #fetcher: Fetcher
  readonly #limits: ReadLimits

  readonly #described: ((info: TopicInfo) => void) | undefined

  /** @param described told of every topic that is described */
  constructor(
    cluster: KafkaCluster,
    limits: ReadLimits,
    retrying: (error: unknown) => void,
    described?: (info: TopicInfo) => void,
  ) {
    this.#cluster = cluster
    this.#described = described
    this.#limits = limits
    this.#fetcher = new Fetcher(cluster, limits, retrying)
  }

  async describe(topics: readonly string[]): Promise<readonly TopicInfo[]> {
    if (topics.length === 0) return []
    const metadata = await this.#cluster.refresh(topics)
    for (const { topic, code } of metadata) {
      if (isUnauthorized(code)) throw notAuthorized('describe', `topic ${topic}`, code, topic)
      if (code !== CODE.NONE)
        throw new JoineryError(
          'TOPIC_MISSING',
          `topic ${topic} does not exist (${codeName(code)}): create it, Joinery creates only its own changelog`,
          { topic },
        )
    }
    const configs = await describeConfigs(this.#cluster, topics)
    return metadata.map(({ topic, id, leaders }) => {
      const config = configs.get(topic) as NonNullable<ReturnType<typeof configs.get>>
      const info: TopicInfo = { topic, id, partitions: leaders.length, ...config }
      this.#described?.(info)
      return info
    })
  }

  endOffset(at: TopicPartition, kind: 'high-watermark' | 'last-stable-offset'): Promise<number> {
    return this.#listOffset(at, LATEST, kind === 'high-watermark' ? READ_UNCOMMITTED : READ_COMMITTED)
  }

  earliestOffset(at: TopicPartition): Promise<number> {
    return this.#listOffset(at, EARLIEST, READ_UNCOMMITTED)
  }

  async *read({ topic, partition, offset }: Origin, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    if (signal.aborted) return
    const subscription = new Subscription(
      topic,
      partition,
      offset,
      this.#limits.prefetchBytes,
      this.#limits.maxDecompressedBytes,
    )
    const stop = () => this.#fetcher.remove(subscription)
    signal.addEventListener('abort', stop, { once: true })
    this.#fetcher.add(subscription)
    try {
      for (
        let batch = await subscription.next(this.#fetcher.kick);
        batch !== undefined;
        batch = await subscription.next(this.#fetcher.kick)
      ) {
        yield batch
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  }

  /** Bytes that were fetched ahead of those who read. */
  get prefetchedBytes(): number {
    return this.#fetcher.bytes
  }

  close(): void {
    this.#fetcher.close()
  }

  async #listOffset({ topic, partition }: TopicPartition, time: number, isolation: number): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        const leader = await this.#cluster.leaderOf(topic, partition)
        const body = new RequestWriter()
          .int32(-1)
          .int8(isolation)
          .int32(1)
          .string(topic)
          .int32(1)
          .int32(partition)
          .int64(time)
        const response = await this.#cluster.request(leader, 'main', { ...LIST_OFFSETS, parts: [body.take()] })
        response.int32()
        response.int32()
        response.string()
        response.int32()
        response.int32()
        const code = response.int16()
        response.int64()
        if (code === CODE.NONE) return response.int64()
        throw new ProtocolError(code, `ListOffsets of ${topic}[${partition}]`)
      } catch (cause) {
        if (isJoineryError(cause) && !cause.retriable) throw cause
        const code = cause instanceof ProtocolError ? cause.code : undefined
        if (code !== undefined && isUnauthorized(code)) throw notAuthorized('describe', `topic ${topic}`, code, topic)
        const isTransient = code === undefined ? isJoineryError(cause) : isLeaderMoved(code)
        if (!isTransient || tries === TRIES) {
          throw new JoineryError(
            'LOG_FAILED',
            `the offsets of ${topic}[${partition}] cannot be asked for: ${String(cause)}`,
            { cause, topic, partition, retriable: true },
          )
        }
        await sleep(this.#cluster.clock, RETRY_MS)
        await this.#cluster.refresh([topic]).catch(() => {}) // the next try says what is wrong
      }
    }
  }
}
