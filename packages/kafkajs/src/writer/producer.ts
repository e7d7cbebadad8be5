import { isJoineryError, JoineryError } from '@joinery/core'
import type { VersionLimits } from '../connection/broker-versions.js'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { exponentialBackoff, retry } from '../connection/retry.js'
import type { RequestOf } from '../protocol/api.js'
import { CODE, isLeaderMoved } from '../protocol/error-codes.js'
import { ACKS_ALL, PRODUCE } from '../protocol/produce.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { topicMissing } from './fatal-error.js'
import { NO_PRODUCER_ID, type ProducerIdAndEpoch } from './producer-id.js'
import type { OutgoingBatch } from './record-accumulator.js'

const TIMEOUT_MS = 30_000
const RETRY_MS = 50
const FIRST_BUSY_RETRY_MS = 2
const MAX_ATTEMPTS = 100
/** Sequence numbers wrap here. */
const SEQUENCES = 0x8000_0000

/** Options of a producer. */
export interface ProducerOptions {
  readonly transactionalId: string | null
  readonly channel: string
  readonly codec: 'none' | 'gzip'
  /** The versions of Produce; default: all. */
  readonly versions?: VersionLimits
}

/** Sends batches with sequence numbers, so that a batch which is sent again is written once. */
export class Producer {
  readonly #cluster: KafkaCluster
  readonly #options: ProducerOptions
  readonly #sequences = new Map<string, number>()
  /** The offset after the last batch of each partition. */
  readonly #ends = new Map<string, number>()
  #producerIdAndEpoch: ProducerIdAndEpoch = NO_PRODUCER_ID

  constructor(cluster: KafkaCluster, options: ProducerOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get producerIdAndEpoch(): ProducerIdAndEpoch {
    return this.#producerIdAndEpoch
  }

  /** Sequence numbers start again at 0 with a new id or epoch, and only then. */
  setProducerIdAndEpoch(next: ProducerIdAndEpoch): void {
    const { producerId, epoch } = this.#producerIdAndEpoch
    if (next.producerId === producerId && next.epoch === epoch) return
    this.#producerIdAndEpoch = next
    this.#sequences.clear()
  }

  /**
   * Writes batches, those of one partition one after the other. Resolves when all are acknowledged.
   *
   * @throws ProtocolError if a retry cannot help; the last error once all attempts are used up; JoineryError
   * `TOPIC_MISSING` for a topic that stays unknown
   */
  async send(batches: readonly OutgoingBatch[]): Promise<void> {
    let rest = batches
    while (rest.length > 0) {
      const now = new Map<string, OutgoingBatch>()
      for (const batch of rest) {
        const id = `${batch.topic}/${batch.partition}`
        if (!now.has(id)) now.set(id, batch)
      }
      await this.#sendRound([...now.values()])
      const sent = new Set(now.values())
      rest = rest.filter((batch) => !sent.has(batch))
    }
  }

  /** Sends at most one batch of each partition. Batches that are not acknowledged are sent again, with the same bytes. */
  async #sendRound(batches: readonly OutgoingBatch[]): Promise<void> {
    for (const batch of batches) this.#close(batch)
    let missing = batches
    const attempt = async () => {
      const failures = await this.#attempt(missing)
      missing = missing.filter(({ baseOffset }) => baseOffset < 0)
      const [first] = missing
      if (first !== undefined)
        throw failures.find((each) => !isRetriable(each)) ?? failures.at(-1) ?? notAcknowledged(first)
    }
    const busyBackoff = exponentialBackoff(FIRST_BUSY_RETRY_MS, RETRY_MS)
    try {
      await retry(attempt, {
        clock: this.#cluster.clock,
        signal: this.#cluster.closed,
        maxAttempts: MAX_ATTEMPTS,
        isRetriable,
        delayMs: (error, count) => (isTransactionBusy(error) ? busyBackoff(count) : RETRY_MS),
        // the next attempt shows what is wrong
        beforeRetry: () => this.#cluster.refresh([...new Set(missing.map(({ topic }) => topic))]).catch(() => {}),
      })
    } catch (error) {
      const isUnknown = error instanceof ProtocolError && error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION
      throw isUnknown ? topicMissing(error.topic ?? (missing[0] as OutgoingBatch).topic, error) : error
    }
  }

  /** @returns the errors */
  async #attempt(batches: readonly OutgoingBatch[]): Promise<readonly unknown[]> {
    const failures: unknown[] = []
    const byLeader = new Map<number, OutgoingBatch[]>()
    for (const batch of batches) {
      try {
        const leader = await this.#cluster.leaderOf(batch.topic, batch.partition)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch])
      } catch (error) {
        failures.push(error)
      }
    }
    const results = await Promise.allSettled([...byLeader].map(([leader, some]) => this.#produce(leader, some)))
    for (const result of results) {
      if (result.status === 'rejected') failures.push(result.reason)
      else failures.push(...result.value)
    }
    return failures
  }

  #close(batch: OutgoingBatch): void {
    const id = `${batch.topic}/${batch.partition}`
    const baseSequence = this.#sequences.get(id) ?? 0
    this.#sequences.set(id, (baseSequence + batch.builder.count) % SEQUENCES)
    const { transactionalId, codec } = this.#options
    const isTransactional = transactionalId !== null
    batch.closed = batch.builder.close({ ...this.#producerIdAndEpoch, baseSequence, isTransactional }, codec)
  }

  /** @returns the errors of individual batches */
  async #produce(leader: number, batches: readonly OutgoingBatch[]): Promise<readonly ProtocolError[]> {
    const { transactionalId, channel, versions } = this.#options
    const request = { transactionalId, acks: ACKS_ALL, timeoutMs: TIMEOUT_MS, topicData: topicData(batches) }
    const { responses } = await this.#cluster.request(leader, channel, PRODUCE, request, versions)
    const failures: ProtocolError[] = []
    for (const { name: topic, partitionResponses } of responses) {
      for (const { index: partition, errorCode, baseOffset, logAppendTimeMs } of partitionResponses) {
        const batch = batches.find((each) => each.topic === topic && each.partition === partition)
        if (batch === undefined) continue
        const problem = errorCode === CODE.NONE ? this.#acknowledge(batch, baseOffset, logAppendTimeMs) : errorCode
        if (problem !== CODE.NONE)
          failures.push(new ProtocolError(problem, `${PRODUCE.name} to ${topic}[${partition}]`, topic))
      }
    }
    return failures
  }

  /**
   * A broker acknowledges a batch that it considers a duplicate, but does not write it: the offset shows that.
   *
   * @returns an error code
   */
  #acknowledge(batch: OutgoingBatch, baseOffset: number, appendedAt: number): number {
    const id = `${batch.topic}/${batch.partition}`
    if (baseOffset < (this.#ends.get(id) ?? 0)) return CODE.DUPLICATE_SEQUENCE_NUMBER
    batch.baseOffset = baseOffset
    batch.appendedAt = appendedAt
    this.#ends.set(id, baseOffset + batch.builder.count)
    return CODE.NONE
  }
}

/** Brokers also respond NOT_ENOUGH_REPLICAS while they cannot verify a transaction with its coordinator. */
const RETRIABLE = new Set<number>([
  CODE.CONCURRENT_TRANSACTIONS,
  CODE.NOT_ENOUGH_REPLICAS,
  CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
])

function isRetriable(failure: unknown): boolean {
  if (failure instanceof ProtocolError) return isLeaderMoved(failure.code) || RETRIABLE.has(failure.code)
  return !isJoineryError(failure) || failure.retriable
}

const isTransactionBusy = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === CODE.CONCURRENT_TRANSACTIONS

const notAcknowledged = ({ topic, partition }: OutgoingBatch): JoineryError =>
  new JoineryError('LOG_FAILED', `a ${PRODUCE.name} response does not mention ${topic}[${partition}]`, {
    retriable: true,
  })

function topicData(batches: readonly OutgoingBatch[]): RequestOf<typeof PRODUCE>['topicData'] {
  const topics = new Map<string, { readonly index: number; readonly records: Buffer }[]>()
  for (const { topic, partition, closed } of batches) {
    const data = { index: partition, records: closed as Buffer }
    const partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, [data])
    else partitions.push(data)
  }
  return Array.from(topics, ([name, partitionData]) => ({ name, partitionData }))
}
