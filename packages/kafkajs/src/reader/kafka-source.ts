import { isJoineryError, JoineryError, type Origin } from '@joinery/core'
import type { Batch, LogSource, TopicInfo, TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, codeName, isLeaderMoved, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { CONSUMER_REPLICA_ID, ISOLATION_LEVEL } from '../protocol/fetch.js'
import {
  decodeListOffsetsResponse,
  encodeListOffsetsRequest,
  LIST_OFFSETS,
  OFFSET_SPEC,
} from '../protocol/list-offsets.js'
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

  end(at: TopicPartition, kind: 'written' | 'stable'): Promise<number> {
    return this.#listOffset(
      at,
      OFFSET_SPEC.latest,
      kind === 'written' ? ISOLATION_LEVEL.readUncommitted : ISOLATION_LEVEL.readCommitted,
    )
  }

  earliest(at: TopicPartition): Promise<number> {
    return this.#listOffset(at, OFFSET_SPEC.earliest, ISOLATION_LEVEL.readUncommitted)
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

  async #listOffset({ topic, partition }: TopicPartition, timestamp: number, isolationLevel: number): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        const leader = await this.#cluster.leaderOf(topic, partition)
        const request = encodeListOffsetsRequest({
          replicaId: CONSUMER_REPLICA_ID,
          isolationLevel,
          topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
        })
        const { topics } = decodeListOffsetsResponse(await this.#cluster.request(leader, 'main', request))
        const response = topics[0]?.partitions[0]
        const code = response?.errorCode ?? CODE.UNKNOWN_SERVER_ERROR
        if (response !== undefined && code === CODE.NONE) return response.offset
        throw new ProtocolError(code, `${LIST_OFFSETS.name} of ${topic}[${partition}]`)
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
