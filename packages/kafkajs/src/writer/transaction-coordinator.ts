import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { RequestOptions } from '../connection/broker-connection.js'
import { Coordinator } from '../connection/coordinator.js'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { exponentialBackoff, retry } from '../connection/retry.js'
import { ADD_PARTITIONS_TO_TXN } from '../protocol/add-partitions-to-txn.js'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { END_TXN } from '../protocol/end-txn.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import { INIT_PRODUCER_ID } from '../protocol/init-producer-id.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { topicMissing } from './fatal-error.js'
import type { ProducerIdAndEpoch } from './producer-id.js'
import type { TransactionProtocol } from './transaction-protocol.js'

const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 100
/** For topics that may be so new that not all brokers have them. */
const MAX_UNKNOWN_TOPIC_ATTEMPTS = 50
/** EndTxn is retried for this fraction of the transaction timeout; after that, the outcome is unclear. */
const END_FRACTION = 0.5
/** If a response to EndTxn is lost, a retry on another connection gets one long before the outcome is unclear. */
const END_ATTEMPT_MS = 2_000

/** The error in a response; `CODE.NONE` if there is none. */
interface ResponseError {
  readonly errorCode: number
  /** The topic that the error is about. */
  readonly topic?: string
}

/** A request to the coordinator. */
interface CoordinatorRequest<A extends Api> {
  readonly api: A
  readonly request: RequestOf<A>
  readonly options?: RequestOptions
  readonly errorOf: (response: ResponseOf<A>) => ResponseError
  /** For how long it is retried, in milliseconds. */
  readonly timeoutMs: number
}

/** Options of {@link TransactionCoordinator}. */
export interface CoordinatorOptions {
  readonly transactionTimeoutMs: number
  /** For how long requests other than EndTxn are retried, in milliseconds. */
  readonly deliveryTimeoutMs: number
  readonly protocol: TransactionProtocol
}

/** How a transaction was ended. */
export interface TransactionEnd {
  /** The producer id and epoch of the next transaction. */
  readonly next: ProducerIdAndEpoch
  /** Whether EndTxn was sent more than once, so that a copy of it may arrive later. */
  readonly isRepeated: boolean
}

/** Client of the transaction coordinator for one transactional id. */
export class TransactionCoordinator {
  readonly #cluster: KafkaCluster
  readonly #id: string
  readonly #options: CoordinatorOptions
  readonly #coordinator: Coordinator

  constructor(cluster: KafkaCluster, id: string, options: CoordinatorOptions) {
    this.#cluster = cluster
    this.#id = id
    this.#options = options
    this.#coordinator = new Coordinator(cluster, 'transaction', id)
  }

  /** Fences every producer of this id, ends its transaction, and begins a new epoch. */
  async init(): Promise<ProducerIdAndEpoch> {
    const { transactionTimeoutMs, deliveryTimeoutMs: timeoutMs, protocol } = this.#options
    const { response } = await this.#send({
      api: INIT_PRODUCER_ID,
      request: { transactionalId: this.#id, transactionTimeoutMs },
      options: protocol.initProducerId,
      errorOf: (response) => response,
      timeoutMs,
    })
    return { producerId: response.producerId, epoch: response.producerEpoch }
  }

  /** Adds partitions to the transaction. With transaction version 2, Produce does that. */
  async addPartitions(
    { producerId, epoch }: ProducerIdAndEpoch,
    partitions: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<void> {
    const { protocol, deliveryTimeoutMs: timeoutMs } = this.#options
    if (protocol.isVersion2) return
    await this.#send({
      api: ADD_PARTITIONS_TO_TXN,
      request: {
        v3AndBelowTransactionalId: this.#id,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: Array.from(partitions, ([name, numbers]) => ({ name, partitions: [...numbers] })),
      },
      errorOf: causeOf,
      timeoutMs,
    })
    failpoint('commit.partitions-added')
  }

  /**
   * Commits or aborts the transaction. A retry of EndTxn cannot end another transaction, unless one has begun in the same epoch:
   * brokers recognize a repeated EndTxn.
   *
   * @throws when the outcome is unclear, or the broker rejects it
   */
  async end({ producerId, epoch }: ProducerIdAndEpoch, how: 'commit' | 'abort'): Promise<TransactionEnd> {
    const { protocol, transactionTimeoutMs } = this.#options
    const { response, attempts } = await this.#send({
      api: END_TXN,
      request: { transactionalId: this.#id, producerId, producerEpoch: epoch, committed: how === 'commit' },
      options: { ...protocol.endTxn, timeoutMs: END_ATTEMPT_MS },
      errorOf: (response) => response,
      timeoutMs: transactionTimeoutMs * END_FRACTION,
    })
    const next = protocol.isVersion2
      ? { producerId: response.producerId, epoch: response.producerEpoch }
      : { producerId, epoch }
    return { next, isRepeated: attempts > 1 }
  }

  /** Sends a request to the leader of partitions; it may wait for this coordinator before it responds. */
  readonly requestLeader: KafkaCluster['request'] = (...request) => this.#coordinator.requestLeader(...request)

  /** Sends a request. Retries without a response, while the coordinator moves, or while the previous transaction completes. */
  async #send<A extends Api>(of: CoordinatorRequest<A>): Promise<{ response: ResponseOf<A>; attempts: number }> {
    const { api, request, options, errorOf, timeoutMs } = of
    const { clock, closed: signal } = this.#cluster
    const until = clock.monotonic() + timeoutMs
    let isCoordinatorKnown = false
    const attempt = async (attempts: number) => {
      isCoordinatorKnown = false
      await this.#coordinator.find()
      isCoordinatorKnown = true
      const response = await this.#coordinator.request('transactions', api, request, options)
      const { errorCode, topic } = errorOf(response)
      if (errorCode === CODE.NONE) return { response, attempts }
      if (isCoordinatorMoved(errorCode)) this.#coordinator.forget()
      throw new ProtocolError(errorCode, `${api.name} of ${this.#id}`, topic)
    }
    const backoff = exponentialBackoff(FIRST_RETRY_MS, LAST_RETRY_MS)
    try {
      return await retry(attempt, {
        clock,
        signal,
        maxAttempts: Number.POSITIVE_INFINITY,
        isRetriable: (error, count) => {
          if (!isCoordinatorKnown || clock.monotonic() >= until) return false // the lookup has its own retries
          if (error instanceof ProtocolError) return isTemporary(error, count)
          return !(isJoineryError(error) && !error.retriable)
        },
        delayMs: (error, count) => (isConcurrent(error) ? backoff(count) : LAST_RETRY_MS),
      })
    } catch (error) {
      if (error instanceof ProtocolError && error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION && error.topic !== undefined)
        throw topicMissing(error.topic, error)
      throw error
    }
  }
}

const isConcurrent = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === CODE.CONCURRENT_TRANSACTIONS

function isTemporary(error: ProtocolError, attempt: number): boolean {
  if (error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION)
    return error.topic === undefined || attempt < MAX_UNKNOWN_TOPIC_ATTEMPTS
  return isCoordinatorMoved(error.code) || isConcurrent(error)
}

/** If the broker rejects one partition, it does not attempt the others: only the error of that partition is the cause. */
function causeOf({ resultsByTopicV3AndBelow }: ResponseOf<typeof ADD_PARTITIONS_TO_TXN>): ResponseError {
  let cause: ResponseError = { errorCode: CODE.NONE }
  for (const { name: topic, resultsByPartition } of resultsByTopicV3AndBelow) {
    for (const { partitionErrorCode: errorCode } of resultsByPartition) {
      const mayBeReplaced = cause.errorCode === CODE.NONE || cause.errorCode === CODE.OPERATION_NOT_ATTEMPTED
      if (errorCode !== CODE.NONE && mayBeReplaced) cause = { errorCode, topic }
    }
  }
  return cause
}
