import { JoineryError } from '@joinery/core'
import { type NewRecord, partitionFor, type TopicInfo } from '@joinery/core/log'
import { SimPartition } from './sim-partition.js'
import { brokerTime } from './sim-process.js'
import { Transactions } from './transactions.js'
import type { World } from './world.js'

/** How a simulated topic is made. */
export interface SimTopicOptions {
  readonly partitions: number
  readonly cleanup: TopicInfo['cleanup']
}

/** The simulated brokers: topics, and the coordinator of transactions. */
export class SimCluster {
  readonly world: World
  readonly transactions: Transactions
  /** How long compaction keeps tombstones. */
  readonly deleteRetentionMs: number
  readonly #topics = new Map<string, { readonly info: TopicInfo; readonly partitions: readonly SimPartition[] }>()

  constructor(world: World, deleteRetentionMs: number) {
    this.world = world
    this.deleteRetentionMs = deleteRetentionMs
    this.transactions = new Transactions(world)
  }

  create(topic: string, { partitions, cleanup }: SimTopicOptions): TopicInfo {
    const info: TopicInfo = {
      topic,
      id: `${topic}#${this.#topics.size}`,
      partitions,
      cleanup,
      deleteRetentionMs: this.deleteRetentionMs,
      maxMessageBytes: 1_048_588,
    }
    const made = Array.from({ length: partitions }, (_, partition) => new SimPartition(topic, partition))
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

  /** Records by the partition that they go to. */
  targets(records: readonly NewRecord[]): Map<SimPartition, NewRecord[]> {
    const targets = new Map<SimPartition, NewRecord[]>()
    for (const record of records) {
      const count = this.info(record.topic)?.partitions ?? 0
      const number = record.partition ?? (record.key === null ? 0 : partitionFor(record.key, count))
      const partition = this.partition(record.topic, number)
      const list = targets.get(partition)
      if (list === undefined) targets.set(partition, [record])
      else list.push(record)
    }
    return targets
  }

  /** Appends outside of transactions. */
  append(records: readonly NewRecord[]): void {
    for (const [partition, list] of this.targets(records))
      partition.append(list, this.world.now, brokerTime(this.world))
  }

  /** Whether anything that was written cannot be read yet. */
  get hasOpenTransactions(): boolean {
    return [...this.#topics.values()].some(({ partitions }) => partitions.some(({ end, stableEnd }) => end > stableEnd))
  }

  /** Compaction of every compacted topic. */
  clean(): void {
    for (const { info, partitions } of this.#topics.values()) {
      if (info.cleanup === 'delete') continue
      for (const partition of partitions) partition.clean(this.world.now - this.deleteRetentionMs)
    }
  }
}
