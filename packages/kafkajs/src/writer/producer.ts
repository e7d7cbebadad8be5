import { isJoineryError, JoineryError } from '@joinery/core'
import type { VersionLimits } from '../connection/broker-versions.js'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { partitionName } from '../connection/partition-name.js'
import { exponentialBackoff, retry } from '../connection/retry.js'
import type { RequestOf } from '../protocol/api.js'
import { CODE, isLeaderMoved } from '../protocol/error-codes.js'
import { ACKS_ALL, PRODUCE } from '../protocol/produce.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { timeoutError } from './fatal-error.js'
import type { OutgoingBatch } from './outgoing-batch.js'
import { NO_PRODUCER_ID, type ProducerIdAndEpoch } from './producer-id.js'
import { BatchRefused, isRefusal } from './refused-records.js'
import type { TransactionCoordinator } from './transaction-coordinator.js'

const TIMEOUT_MS = 30_000
const RETRY_MS = 50
const FIRST_CONCURRENT_RETRY_MS = 2
/** Sequence numbers wrap here. */
const SEQUENCES = 0x8000_0000

/** Options of a producer. */
export interface ProducerOptions {
  readonly transactionalId: string | null
  readonly channel: string
  readonly codec: 'none' | 'gzip'
  /** For how long a batch that is not acknowledged is retried, in milliseconds. */
  readonly deliveryTimeoutMs: number
  /** The versions of Produce; default: all. */
  readonly versions?: VersionLimits
  /** Coordinates its transactions; leaders may wait for it before they respond. */
  readonly coordinator?: Pick<TransactionCoordinator, 'requestLeader'>
}

/** Sends batches with sequence numbers, so that a batch that is sent more than once is written once. */
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
   * Writes batches; those of one partition are written one after the other. Resolves when each is acknowledged or has failed.
   *
   * @param timeoutMs for how long a batch that is not acknowledged is retried
   * @returns the error of each batch that was not acknowledged: ProtocolError; JoineryError `TOPIC_MISSING` for a topic that
   * stays unknown, `LOG_CLOSED`, or `LOG_FAILED` without a response
   */
  async send(
    batches: readonly OutgoingBatch[],
    timeoutMs: number = this.#options.deliveryTimeoutMs,
  ): Promise<ReadonlyMap<OutgoingBatch, unknown>> {
    const until = this.#cluster.clock.monotonic() + timeoutMs
    const failures = new Map<OutgoingBatch, unknown>()
    let rest = batches
    while (rest.length > 0) {
      const round = new Map<string, OutgoingBatch>()
      const later: OutgoingBatch[] = []
      for (const batch of rest) {
        const name = partitionName(batch)
        if (round.has(name)) later.push(batch)
        else round.set(name, batch)
      }
      await this.#sendRound([...round.values()], until, failures)
      rest = later.filter((batch) => {
        const before = round.get(partitionName(batch)) as OutgoingBatch
        if (!failures.has(before)) return true
        failures.set(batch, failures.get(before)) // the broker would reject it, because its sequence number is not the next
        return false
      })
    }
    return failures
  }

  /** Sends at most one batch of each partition. Batches that are not acknowledged are retried with the same bytes. */
  async #sendRound(
    batches: readonly OutgoingBatch[],
    until: number,
    failures: Map<OutgoingBatch, unknown>,
  ): Promise<void> {
    for (const batch of batches) this.#close(batch)
    const { clock, closed } = this.#cluster
    const concurrentBackoff = exponentialBackoff(FIRST_CONCURRENT_RETRY_MS, RETRY_MS)
    let unacknowledged = batches
    const attempt = async () => {
      const errors = await this.#attempt(unacknowledged)
      for (const batch of unacknowledged) failures.delete(batch)
      for (const [batch, error] of errors) failures.set(batch, error)
      unacknowledged = unacknowledged.filter((batch) => errors.has(batch) && isRetriable(errors.get(batch)))
      if (unacknowledged.length > 0) throw errors.get(unacknowledged[0] as OutgoingBatch)
    }
    try {
      await retry(attempt, {
        clock,
        signal: closed,
        maxAttempts: Number.POSITIVE_INFINITY,
        // a broker that throttles may close the connection before it reads the request
        isRetriable: (_, attempts) => attempts === 1 || clock.monotonic() < until,
        delayMs: (error, count) => (isConcurrentTransaction(error) ? concurrentBackoff(count) : RETRY_MS),
        // if this fails, the next attempt reports why
        beforeRetry: () =>
          this.#cluster.refresh([...new Set(unacknowledged.map(({ topic }) => topic))]).catch(() => {}),
      })
    } catch (error) {
      for (const batch of unacknowledged)
        failures.set(batch, timeoutError(closed.aborted ? error : failures.get(batch)))
    }
  }

  /** @returns the error of each batch that failed */
  async #attempt(batches: readonly OutgoingBatch[]): Promise<ReadonlyMap<OutgoingBatch, unknown>> {
    const errors = new Map<OutgoingBatch, unknown>()
    const byLeader = new Map<number, OutgoingBatch[]>()
    for (const batch of batches) {
      try {
        const { topic, partition } = batch
        const leader = this.#cluster.knownLeaderOf(topic, partition) ?? (await this.#cluster.leaderOf(topic, partition))
        const batchesOfLeader = byLeader.get(leader)
        if (batchesOfLeader === undefined) byLeader.set(leader, [batch])
        else batchesOfLeader.push(batch)
      } catch (error) {
        errors.set(batch, error)
      }
    }
    const produced = Array.from(byLeader, async ([leader, batchesOfLeader]) => {
      try {
        await this.#produce(leader, batchesOfLeader, errors)
      } catch (error) {
        for (const batch of batchesOfLeader) errors.set(batch, error)
      }
    })
    await Promise.all(produced)
    return errors
  }

  #close(batch: OutgoingBatch): void {
    const id = partitionName(batch)
    const baseSequence = this.#sequences.get(id) ?? 0
    this.#sequences.set(id, (baseSequence + batch.builder.count) % SEQUENCES)
    const { transactionalId, codec } = this.#options
    const isTransactional = transactionalId !== null
    batch.closed = batch.builder.close({ ...this.#producerIdAndEpoch, baseSequence, isTransactional }, codec)
  }

  async #produce(
    leader: number,
    batches: readonly OutgoingBatch[],
    errors: Map<OutgoingBatch, unknown>,
  ): Promise<void> {
    const { transactionalId, channel, versions, coordinator } = this.#options
    const request = { transactionalId, acks: ACKS_ALL, timeoutMs: TIMEOUT_MS, topicData: topicData(batches) }
    const options = { ...versions, mustLead: batches }
    const { responses } = await (coordinator === undefined
      ? this.#cluster.request(leader, channel, PRODUCE, request, options)
      : coordinator.requestLeader(leader, channel, PRODUCE, request, options))
    const withoutResponse = new Map(batches.map((batch) => [partitionName(batch), batch]))
    for (const { name: topic, partitionResponses } of responses) {
      for (const response of partitionResponses) {
        const { index: partition, errorCode, baseOffset, logAppendTimeMs } = response
        const name = partitionName({ topic, partition })
        const batch = withoutResponse.get(name)
        if (batch === undefined) continue
        withoutResponse.delete(name)
        const code = errorCode === CODE.NONE ? this.#acknowledge(batch, baseOffset, logAppendTimeMs) : errorCode
        if (code === CODE.NONE) continue
        const what = `${PRODUCE.name} to ${topic}[${partition}]`
        errors.set(
          batch,
          isRefusal(code) ? new BatchRefused(batch, response, what) : new ProtocolError(code, what, topic),
        )
      }
    }
    for (const batch of withoutResponse.values()) errors.set(batch, notAcknowledged(batch))
  }

  /**
   * Checks that a batch was written: a broker also acknowledges a batch that it considers a duplicate, with an earlier offset.
   *
   * @returns an error code
   */
  #acknowledge(batch: OutgoingBatch, baseOffset: number, appendedAt: number): number {
    const id = partitionName(batch)
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

/** Whether a batch with this error may be acknowledged if it is sent again. */
export function isRetriable(failure: unknown): boolean {
  if (failure instanceof ProtocolError) return isLeaderMoved(failure.code) || RETRIABLE.has(failure.code)
  return !isJoineryError(failure) || failure.retriable
}

const isConcurrentTransaction = (error: unknown): boolean =>
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
