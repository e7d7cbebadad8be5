import { JoineryError } from '@joinery/core'
import { type NewRecord, partitionFor, type TopicInfo } from '@joinery/core/log'
import type { Violation } from '../checker/violation.js'
import type { EventLoop } from '../event-loop.js'
import { Random } from '../random.js'
import { DEFAULT_TRANSACTIONS, type SimTransactions } from '../scenario/transaction-scenario.js'
import { ApiCodecs } from './api-codecs.js'
import { LATEST, type Release } from './broker-releases.js'
import { brokerTime } from './broker-time.js'
import { ClusterView } from './cluster-view.js'
import { SimBroker } from './sim-broker.js'
import { SimPartition } from './sim-partition.js'
import { StaleFencing } from './stale-fencing.js'
import { Transactions } from './transactions.js'

/** The configuration of a simulated topic. */
export interface SimTopicOptions {
  readonly partitions: number
  readonly cleanup: TopicInfo['cleanup']
  readonly maxMessageBytes?: number | undefined
  /** Whether records get the time of their append (`LogAppendTime`). */
  readonly isAppendTime?: boolean
  /** How far timestamps may be ahead of the brokers' clock. Default: any distance. */
  readonly maxAheadMs?: number
  /** Whether it takes a record. Default: any. */
  readonly accepts?: (record: NewRecord) => boolean
}

/** The configuration of the simulated brokers. */
export interface SimClusterOptions {
  /** How long compaction keeps tombstones. */
  readonly deleteRetentionMs: number
  readonly transactionVersion: 1 | 2
  /** For each broker. */
  readonly releases: readonly Release[]
  readonly transactions?: SimTransactions
}

/** How the brokers throttle. */
interface SimThrottling {
  /** The share of responses that do. */
  readonly rate: number
  readonly maxMs: number
}

/** The simulated brokers: topics with their leaders, and the transaction coordinator. */
export class SimCluster {
  readonly eventLoop: EventLoop
  readonly transactions: Transactions
  readonly brokers: readonly SimBroker[]
  readonly codecs: ApiCodecs = new ApiCodecs()
  /** What clients did that they must not do. */
  readonly violations: Violation[] = []
  readonly deleteRetentionMs: number
  #changed: (() => void)[] = []
  readonly #topics = new Map<string, { readonly info: TopicInfo; readonly partitions: readonly SimPartition[] }>()
  view: ClusterView
  throttling: SimThrottling | undefined
  /** Partitions whose only replica is gone. */
  readonly leaderless: Set<SimPartition> = new Set()
  /** Partitions that lose their only replica with the next append of a transaction, and what loses it. */
  readonly lostWithAppend: Map<SimPartition, () => void> = new Map()
  /** Partitions whose markers do not arrive: coordinators cannot reach their leaders, and clients can. */
  readonly withoutMarkers: Set<SimPartition> = new Set()
  /** Finds instances that end transactions of others, and are not members of their group. */
  readonly staleFencing: StaleFencing = new StaleFencing(this)
  /** Whether responses name the records because of which a batch is refused. */
  namesRefused = true
  /** Until then, the coordinator is loading. */
  loadingUntil = 0

  constructor(
    eventLoop: EventLoop,
    { deleteRetentionMs, transactionVersion, releases, transactions = DEFAULT_TRANSACTIONS }: SimClusterOptions,
  ) {
    this.eventLoop = eventLoop
    this.deleteRetentionMs = deleteRetentionMs
    this.brokers = releases.map((release, node) => new SimBroker(eventLoop, node, release))
    this.view = new ClusterView(releases.length)
    this.transactions = new Transactions(eventLoop, transactionVersion, {
      ...transactions,
      random: new Random(transactions.seed),
      canWrite: (partition) => this.isLed(partition) && !this.withoutMarkers.has(partition),
      // Kafka 4.3 skips the abort markers of partitions without a leader (KAFKA-20734)
      skipsAborts: (partition) => this.leaderless.has(partition) && releases.every((release) => release === LATEST),
    })
  }

  create(
    topic: string,
    {
      partitions,
      cleanup,
      maxMessageBytes = 1_048_588,
      isAppendTime = false,
      maxAheadMs = Number.POSITIVE_INFINITY,
      accepts = () => true,
    }: SimTopicOptions,
  ): TopicInfo {
    const info: TopicInfo = {
      topic,
      id: (this.#topics.size + 1).toString(16).padStart(32, '0'),
      partitions,
      cleanup,
      deleteRetentionMs: this.deleteRetentionMs,
      maxMessageBytes,
    }
    const options = { isAppendTime, maxAheadMs, accepts, leaderEpoch: () => this.view.epoch }
    const made = Array.from({ length: partitions }, (_, partition) => new SimPartition(topic, partition, options))
    this.#topics.set(topic, { info, partitions: made })
    return info
  }

  info(topic: string): TopicInfo | undefined {
    return this.#topics.get(topic)?.info
  }

  partition(topic: string, partition: number): SimPartition {
    const found = this.#topics.get(topic)?.partitions[partition]
    if (found === undefined) throw new JoineryError('TOPIC_MISSING', `there is no ${topic}[${partition}]`, { topic })
    return found
  }

  partitionsOf(topic: string): readonly SimPartition[] {
    return this.#topics.get(topic)?.partitions ?? []
  }

  /** All partitions of all topics. */
  get partitions(): readonly SimPartition[] {
    return [...this.#topics.values()].flatMap(({ partitions }) => partitions)
  }

  broker(node: number): SimBroker {
    return this.brokers[node] as SimBroker
  }

  /** Whether a partition has a leader that responds. */
  isLed({ topic, partition }: SimPartition): boolean {
    const leader = this.leaderOf(topic, partition)
    return leader >= 0 && this.broker(leader).isUp
  }

  /** @returns the leaders and coordinators as a broker knows them */
  viewOf(node: number): ClusterView {
    return this.broker(node).staleView ?? this.view
  }

  /** @returns the leader of a partition; -1 if it has none */
  leaderOf(topic: string, partition: number): number {
    return this.leaderless.has(this.partition(topic, partition)) ? -1 : this.view.leaderOf(topic, partition)
  }

  /** Resolves when a partition has a leader that responds. */
  async whenLed(topic: string, partition: number): Promise<void> {
    while (!this.isLed(this.partition(topic, partition)))
      await new Promise<void>((resolve) => this.#changed.push(resolve))
  }

  /** Whether writes are acknowledged: not while a broker is frozen, until others have taken over from it. */
  get isReplicating(): boolean {
    return this.brokers.every(({ isFrozen, isFenced }) => !isFrozen || isFenced)
  }

  /** Resolves when writes are acknowledged. */
  async whenReplicating(): Promise<void> {
    while (!this.isReplicating) await new Promise<void>((resolve) => this.#changed.push(resolve))
  }

  /** A broker has thawed, started or stopped, or others have taken over from it. */
  brokerChanged(): void {
    for (const changed of this.#changed.splice(0)) changed()
  }

  /** @returns the throttle time of the next response */
  throttleTimeMs(): number {
    const { throttling, eventLoop } = this
    if (throttling === undefined || !eventLoop.random.chance(throttling.rate)) return 0
    return eventLoop.random.between(1, throttling.maxMs)
  }

  violates(law: string, text: string): void {
    this.eventLoop.note(`${law}: ${text}`)
    this.violations.push({ law, text })
  }

  /** The partition that a record is written to. */
  partitionOf({ topic, partition, key }: NewRecord): SimPartition {
    const count = this.info(topic)?.partitions ?? 0
    return this.partition(topic, partition ?? (key === null ? 0 : partitionFor(key, count)))
  }

  /** Appends outside of transactions. */
  append(records: readonly NewRecord[]): void {
    for (const record of records)
      this.partitionOf(record).append([record], this.eventLoop.now, brokerTime(this.eventLoop))
  }

  /** Whether some records cannot be read yet. */
  get hasOpenTransactions(): boolean {
    return this.partitions.some(({ highWatermark: end, lastStableOffset: stableEnd }) => end > stableEnd)
  }

  /** Compacts every compacted topic. */
  compact(): void {
    for (const { info, partitions } of this.#topics.values()) {
      if (info.cleanup === 'delete') continue
      for (const partition of partitions) partition.compact(this.eventLoop.now, this.deleteRetentionMs)
    }
  }
}
