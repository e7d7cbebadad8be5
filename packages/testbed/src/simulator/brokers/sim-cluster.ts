import { JoineryError } from '@joinery/core'
import { type NewRecord, partitionFor, type TopicInfo } from '@joinery/core/log'
import type { World } from '../world.js'
import { brokerTime } from './broker-time.js'
import { SimPartition } from './sim-partition.js'
import { Transactions } from './transactions.js'

/** How a simulated topic is made. */
export interface SimTopicOptions {
  readonly partitions: number
  readonly cleanup: TopicInfo['cleanup']
  readonly maxMessageBytes?: number
  /** Whether records get the time of their append. */
  readonly isAppendTime?: boolean
  /** How far ahead of the brokers a timestamp may lie; default: as far as it likes. */
  readonly maxAheadMs?: number
}

/** How simulated brokers are. */
export interface SimClusterOptions {
  /** How long compaction keeps tombstones. */
  readonly deleteRetentionMs: number
  readonly transactionVersion: 1 | 2
}

const BROKERS = 3

/** The simulated brokers: topics and their leaders, and the coordinator of transactions. */
export class SimCluster {
  readonly world: World
  readonly transactions: Transactions
  readonly deleteRetentionMs: number
  readonly #topics = new Map<string, { readonly info: TopicInfo; readonly partitions: readonly SimPartition[] }>()
  /** Leaders and coordinators are where this says; moved by adding to it. */
  shift = 0
  /** Until then, the coordinator is loading. */
  loadingUntil = 0

  constructor(world: World, { deleteRetentionMs, transactionVersion }: SimClusterOptions) {
    this.world = world
    this.deleteRetentionMs = deleteRetentionMs
    this.transactions = new Transactions(world, transactionVersion)
  }

  create(
    topic: string,
    {
      partitions,
      cleanup,
      maxMessageBytes = 1_048_588,
      isAppendTime = false,
      maxAheadMs = Number.POSITIVE_INFINITY,
    }: SimTopicOptions,
  ): TopicInfo {
    const info: TopicInfo = {
      topic,
      id: `${topic}#${this.#topics.size}`,
      partitions,
      cleanup,
      deleteRetentionMs: this.deleteRetentionMs,
      maxMessageBytes,
    }
    const times = { isAppendTime, maxAheadMs }
    const made = Array.from({ length: partitions }, (_, partition) => new SimPartition(topic, partition, times))
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

  /** The broker that leads a partition. */
  leaderOf(topic: string, partition: number): number {
    return (topic.length + partition + this.shift) % BROKERS
  }

  /** The broker that coordinates a transactional id. */
  coordinatorOf(id: string): number {
    return (id.length + this.shift) % BROKERS
  }

  /** The partition that a record goes to. */
  targetOf({ topic, partition, key }: NewRecord): SimPartition {
    const count = this.info(topic)?.partitions ?? 0
    return this.partition(topic, partition ?? (key === null ? 0 : partitionFor(key, count)))
  }

  /** Appends outside of transactions. */
  append(records: readonly NewRecord[]): void {
    for (const record of records) this.targetOf(record).append([record], this.world.now, brokerTime(this.world))
  }

  /** Whether anything that was written cannot be read yet. */
  get hasOpenTransactions(): boolean {
    return this.partitions.some(({ end, stableEnd }) => end > stableEnd)
  }

  /** Compaction of every compacted topic. */
  clean(): void {
    for (const { info, partitions } of this.#topics.values()) {
      if (info.cleanup === 'delete') continue
      for (const partition of partitions) partition.clean(this.world.now, this.world.now - this.deleteRetentionMs)
    }
  }
}
