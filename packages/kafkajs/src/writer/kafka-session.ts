import { JoineryError, type NewRecord } from '@joinery/core'
import type { CommitResult, TaskSession, TaskToken, TaskWork, TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { isFenced, isUnauthorized, notAuthorized, ProtocolError } from '../wire/error-codes.js'
import type { Producer } from './producer.js'
import { type OutgoingBatch, toBatches } from './sealed-batches.js'
import type { TransactionCoordinator } from './transaction-coordinator.js'
import { incurable } from './write-failure.js'

/** What topics take, by name: asked once, when a session opens. */
export type TopicSizes = (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>

/** A transactional session of one task. After anything but `'committed'` it is dead: the task opens a new one. */
export class KafkaSession implements TaskSession {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly #cluster: KafkaCluster
  readonly #coordinator: TransactionCoordinator
  readonly #producer: Producer
  readonly #sizes: TopicSizes
  readonly #published: (offsets: ReadonlyMap<string, number>) => void
  #isDead = false

  constructor(parts: {
    readonly token: TaskToken
    readonly openedAt: number
    readonly changelog: TopicPartition
    readonly cluster: KafkaCluster
    readonly coordinator: TransactionCoordinator
    readonly producer: Producer
    readonly sizes: TopicSizes
    readonly published: (offsets: ReadonlyMap<string, number>) => void
  }) {
    this.token = parts.token
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#cluster = parts.cluster
    this.#coordinator = parts.coordinator
    this.#producer = parts.producer
    this.#sizes = parts.sizes
    this.#published = parts.published
  }

  async commit({ outputs, changelog, offsets }: TaskWork): Promise<CommitResult> {
    if (this.#isDead) return { outcome: 'fenced' }
    const now = Date.now()
    const records: NewRecord[] = [...outputs]
    for (const { key, value } of changelog) records.push({ ...this.changelog, key, value, timestamp: now, headers: [] })
    let isSent = false
    try {
      const batches = await writeBatches(this.#cluster, this.#producer, this.#coordinator, records, this.#sizes)
      const next = await this.#coordinator.commit(this.#producer.identity, () => {
        isSent = true
      })
      this.#producer.become(next)
      this.#published(offsets)
      return { outcome: 'committed', changelogOffset: lastOffset(batches, this.changelog) }
    } catch (cause) {
      this.#isDead = true
      return outcomeOf(cause, isSent)
    }
  }

  async close(): Promise<void> {
    this.#isDead = true
  }
}

/** Adds partitions and writes records, within a transaction or without. */
export async function writeBatches(
  cluster: KafkaCluster,
  producer: Producer,
  coordinator: TransactionCoordinator | undefined,
  records: readonly NewRecord[],
  sizes: TopicSizes,
): Promise<OutgoingBatch[]> {
  const topics = [...new Set(records.map(({ topic }) => topic))]
  const partitions = new Map<string, number>()
  for (const topic of topics) partitions.set(topic, await partitionsOf(cluster, topic))
  const batches = toBatches(records, partitions, await sizes(topics))
  if (coordinator !== undefined) {
    const added = new Map<string, Set<number>>(topics.map((topic) => [topic, new Set()]))
    for (const { topic, partition } of batches) added.get(topic)?.add(partition)
    await coordinator.add(producer.identity, added)
  }
  await producer.send(batches)
  return batches
}

async function partitionsOf(cluster: KafkaCluster, topic: string): Promise<number> {
  try {
    return await cluster.partitionsOf(topic)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    if (isUnauthorized(cause.code)) throw notAuthorized('write to', `topic ${topic}`, cause.code, topic)
    throw new JoineryError('TOPIC_MISSING', `topic ${topic} does not exist: create it`, { topic, cause })
  }
}

/** The offset of the last record that was written to a partition. */
export function lastOffset(batches: readonly OutgoingBatch[], { topic, partition }: TopicPartition): number {
  const last = batches.findLast((batch) => batch.topic === topic && batch.partition === partition)
  return last === undefined ? -1 : last.baseOffset + last.builder.count - 1
}

/** What a failure means: after EndTxn was sent only its answer, or a new owner, can tell whether it counted. */
function outcomeOf(cause: unknown, isSent: boolean): CommitResult {
  if (cause instanceof ProtocolError && isFenced(cause.code)) return { outcome: 'fenced', cause }
  if (isSent && !(cause instanceof ProtocolError)) return { outcome: 'unclear', cause }
  const error = incurable(cause)
  if (error !== undefined) throw error
  return { outcome: isSent ? 'unclear' : 'rejected', cause }
}
