import type { NewRecord } from '@joinery/core'
import type { CommitResult, OutputBuffer, TaskSession, TaskToken, TaskWork, TopicPartition } from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { isFenced } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { BufferPool } from './buffer-pool.js'
import { EncodedOutputs } from './encoded-outputs.js'
import { fatalError } from './fatal-error.js'
import type { OutputTopics } from './output-topics.js'
import type { Producer } from './producer.js'
import type { OutgoingBatch } from './record-accumulator.js'
import type { TransactionCoordinator } from './transaction-coordinator.js'
import type { TransactionSize } from './transaction-size.js'
import { writeBatches } from './write-batches.js'

/** The parts of a session. */
export interface SessionParts {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly cluster: KafkaCluster
  readonly coordinator: TransactionCoordinator
  readonly producer: Producer
  readonly topics: OutputTopics
  readonly size: TransactionSize
  /** @returns how long the brokers have throttled this client so far, in milliseconds */
  readonly throttledMs: () => number
  /** Commits processed offsets to the group, for lag monitoring only. */
  readonly publish: (offsets: ReadonlyMap<string, number>) => void
}

/** A transactional session of one task. After any outcome except `'committed'` it cannot be used: the task opens a new one. */
export class KafkaSession implements TaskSession {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly #parts: SessionParts
  readonly #pool = new BufferPool()
  #isDead = false
  #isFenced = false

  constructor(parts: SessionParts) {
    this.token = parts.token
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#parts = parts
  }

  get maxCommitBytes(): number {
    return this.#parts.size.maxBytes
  }

  buffer(): OutputBuffer {
    return this.#newOutputs()
  }

  async commit({ outputs, buffered, changelog, offsets }: TaskWork): Promise<CommitResult> {
    if (this.#isDead) return { outcome: this.#isFenced ? 'fenced' : 'rejected' }
    const { cluster, coordinator, producer, topics, size, throttledMs, publish } = this.#parts
    const now = cluster.clock.now()
    const began = cluster.clock.monotonic()
    const throttledBefore = throttledMs()
    const encoded = this.#encoded(buffered)
    const records: NewRecord[] = [...encoded.rest, ...outputs]
    for (const { key, value } of changelog) records.push({ ...this.changelog, key, value, timestamp: now, headers: [] })
    let isSent = false
    try {
      const { accumulator } = encoded
      const batches = await writeBatches({ producer, coordinator, topics, accumulator, records })
      failpoint('commit.produced')
      const next = await coordinator.commit(producer.producerIdAndEpoch, () => {
        isSent = true
      })
      producer.setProducerIdAndEpoch(next)
      const throttled = throttledMs() - throttledBefore
      size.committed({ bytes: bytesOf(batches), tookMs: cluster.clock.monotonic() - began, throttledMs: throttled })
      publish(offsets)
      for (const { builder } of batches) this.#pool.release(builder.buffer)
      return { outcome: 'committed', changelogOffset: lastOffset(batches, this.changelog) }
    } catch (cause) {
      this.#isFenced = isFencing(cause)
      this.#isDead = true
      return outcomeOf(cause, isSent)
    }
  }

  async close(): Promise<void> {
    this.#isDead = true
  }

  #newOutputs(): EncodedOutputs {
    return new EncodedOutputs(this.#parts.topics, this.#pool)
  }

  /** @throws TypeError for a buffer of another class: its records would be lost */
  #encoded(buffered: OutputBuffer | undefined): EncodedOutputs {
    if (buffered === undefined) return this.#newOutputs()
    if (buffered instanceof EncodedOutputs) return buffered
    throw new TypeError('buffered outputs must come from buffer() of a session of this log')
  }
}

function bytesOf(batches: readonly OutgoingBatch[]): number {
  let bytes = 0
  for (const { builder } of batches) bytes += builder.size
  return bytes
}

/** @returns the offset of the last record that was written to a partition; -1 if there is none */
export function lastOffset(batches: readonly OutgoingBatch[], { topic, partition }: TopicPartition): number {
  const last = batches.findLast((batch) => batch.topic === topic && batch.partition === partition)
  return last === undefined ? -1 : last.baseOffset + last.builder.count - 1
}

function isFencing(cause: unknown): boolean {
  return cause instanceof ProtocolError && isFenced(cause.code)
}

/** After EndTxn may have been sent, only success, fencing or a fatal error is conclusive. */
function outcomeOf(cause: unknown, isSent: boolean): CommitResult {
  if (isFencing(cause)) return { outcome: 'fenced', cause }
  if (isSent && !(cause instanceof ProtocolError)) return { outcome: 'unclear', cause }
  const error = fatalError(cause)
  if (error !== undefined) throw error
  return { outcome: isSent ? 'unclear' : 'rejected', cause }
}
