import { JoineryError, type NewRecord } from '@joinery/core'
import type { CommitResult, OutputBuffer, TaskSession, TaskToken, TaskWork, TopicPartition } from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { isFenced, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'
import { EncodedOutputs } from './encoded-outputs.js'
import type { Producer } from './producer.js'
import type { OpenBatches, OutgoingBatch, TopicFacts } from './sealed-batches.js'
import { SpareBuffers } from './spare-buffers.js'
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
  /** Of the topics that are known. */
  readonly #facts: Map<string, TopicFacts>
  readonly #spare = new SpareBuffers()
  #isDead = false

  constructor(parts: {
    readonly token: TaskToken
    readonly openedAt: number
    readonly changelog: TopicPartition
    readonly cluster: KafkaCluster
    readonly coordinator: TransactionCoordinator
    readonly producer: Producer
    readonly sizes: TopicSizes
    readonly facts: Map<string, TopicFacts>
    readonly published: (offsets: ReadonlyMap<string, number>) => void
  }) {
    this.token = parts.token
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#cluster = parts.cluster
    this.#coordinator = parts.coordinator
    this.#producer = parts.producer
    this.#sizes = parts.sizes
    this.#facts = parts.facts
    this.#published = parts.published
  }

  buffer(): OutputBuffer {
    return new EncodedOutputs(this.#facts, this.#spare)
  }

  async commit({ outputs, buffered, changelog, offsets }: TaskWork): Promise<CommitResult> {
    if (this.#isDead) return { outcome: 'fenced' }
    const now = this.#cluster.clock.now()
    const encoded = buffered instanceof EncodedOutputs ? buffered : new EncodedOutputs(this.#facts, this.#spare)
    const records: NewRecord[] = [...encoded.rest, ...outputs]
    for (const { key, value } of changelog) records.push({ ...this.changelog, key, value, timestamp: now, headers: [] })
    let isSent = false
    try {
      const to = { facts: this.#facts, sizes: this.#sizes, open: encoded.batches }
      const batches = await writeBatches(this.#cluster, this.#producer, this.#coordinator, records, to)
      failpoint('commit.produced')
      const next = await this.#coordinator.commit(this.#producer.identity, () => {
        isSent = true
      })
      this.#producer.become(next)
      this.#published(offsets)
      for (const { builder } of batches) this.#spare.give(builder.buffer)
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

/** What a write needs beside the records. */
export interface WriteTo {
  /** Of topics known already; those that are asked about are added. */
  readonly facts: Map<string, TopicFacts>
  readonly sizes: TopicSizes
  /** Batches begun already, which go first. */
  readonly open: OpenBatches
}

/** Adds partitions and writes records, within a transaction or without. */
export async function writeBatches(
  cluster: KafkaCluster,
  producer: Producer,
  coordinator: TransactionCoordinator | undefined,
  records: readonly NewRecord[],
  { facts, sizes, open }: WriteTo,
): Promise<OutgoingBatch[]> {
  const unknown = [...new Set(records.map(({ topic }) => topic))].filter((topic) => !facts.has(topic))
  const partitions = new Map<string, number>()
  for (const topic of unknown) partitions.set(topic, await partitionsOf(cluster, topic))
  const maxBytes = unknown.length === 0 ? new Map<string, number>() : await sizes(unknown)
  for (const [topic, count] of partitions)
    facts.set(topic, { partitions: count, maxBytes: maxBytes.get(topic) as number })
  for (const record of records) open.add(record, facts.get(record.topic) as TopicFacts)
  const batches = open.all
  if (coordinator !== undefined) {
    const added = new Map<string, Set<number>>()
    for (const { topic, partition } of batches) added.set(topic, (added.get(topic) ?? new Set()).add(partition))
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
