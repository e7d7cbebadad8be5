import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { VersionLimits } from '../connection/broker-versions.js'
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
const MAX_ATTEMPTS = 300
/** For topics that may be so new that not all brokers have them. */
const MAX_UNKNOWN_TOPIC_ATTEMPTS = 50

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
  readonly versions?: VersionLimits
  readonly errorOf: (response: ResponseOf<A>) => ResponseError
  /** Whether it may be sent again if there was no response. */
  readonly isRepeatable: boolean
}

/** Client of the transaction coordinator for one transactional id. */
export class TransactionCoordinator {
  readonly #cluster: KafkaCluster
  readonly #id: string
  readonly #timeoutMs: number
  readonly #protocol: TransactionProtocol
  readonly #coordinator: Coordinator

  constructor(cluster: KafkaCluster, id: string, timeoutMs: number, protocol: TransactionProtocol) {
    this.#cluster = cluster
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.#protocol = protocol
    this.#coordinator = new Coordinator(cluster, 'transaction', id)
  }

  /** Fences every producer of this id, ends its transaction, and begins a new epoch. */
  async init(): Promise<ProducerIdAndEpoch> {
    const response = await this.#send({
      api: INIT_PRODUCER_ID,
      request: { transactionalId: this.#id, transactionTimeoutMs: this.#timeoutMs },
      versions: this.#protocol.initProducerId,
      errorOf: (response) => response,
      isRepeatable: true,
    })
    return { producerId: response.producerId, epoch: response.producerEpoch }
  }

  /** Adds partitions to the transaction; with transaction version 2 Produce does that. */
  async addPartitions(
    { producerId, epoch }: ProducerIdAndEpoch,
    partitions: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<void> {
    if (this.#protocol.isVersion2) return
    await this.#send({
      api: ADD_PARTITIONS_TO_TXN,
      request: {
        v3AndBelowTransactionalId: this.#id,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: Array.from(partitions, ([name, numbers]) => ({ name, partitions: [...numbers] })),
      },
      errorOf: causeOf,
      isRepeatable: true,
    })
    failpoint('commit.partitions-added')
  }

  /**
   * Commits the transaction.
   *
   * @param sending is called before the coordinator is looked up: from then on the request counts as sent, and
   * only the response shows the outcome
   * @returns the producer id and epoch of the next transaction
   */
  async commit({ producerId, epoch }: ProducerIdAndEpoch, sending: () => void): Promise<ProducerIdAndEpoch> {
    sending()
    const response = await this.#send({
      api: END_TXN,
      request: { transactionalId: this.#id, producerId, producerEpoch: epoch, committed: true },
      versions: this.#protocol.endTxn,
      errorOf: (response) => response,
      isRepeatable: false,
    })
    if (!this.#protocol.isVersion2) return { producerId, epoch }
    return { producerId: response.producerId, epoch: response.producerEpoch }
  }

  /** Sends a request, retrying while the coordinator is moving or the previous transaction is still completing. */
  async #send<A extends Api>(coordinatorRequest: CoordinatorRequest<A>): Promise<ResponseOf<A>> {
    const { api, request, versions, errorOf, isRepeatable } = coordinatorRequest
    let isCoordinatorKnown = false
    const attempt = async (): Promise<ResponseOf<A>> => {
      isCoordinatorKnown = false
      await this.#coordinator.find()
      isCoordinatorKnown = true
      const response = await this.#coordinator.request('transactions', api, request, versions)
      const { errorCode, topic } = errorOf(response)
      if (errorCode === CODE.NONE) return response
      if (isCoordinatorMoved(errorCode)) this.#coordinator.forget()
      throw new ProtocolError(errorCode, `${api.name} of ${this.#id}`, topic)
    }
    const backoff = exponentialBackoff(FIRST_RETRY_MS, LAST_RETRY_MS)
    try {
      return await retry(attempt, {
        clock: this.#cluster.clock,
        signal: this.#cluster.closed,
        maxAttempts: MAX_ATTEMPTS,
        isRetriable: (error, count) => {
          if (!isCoordinatorKnown) return false // the lookup has its own retries
          if (error instanceof ProtocolError) return isTemporary(error, count)
          return isRepeatable && !(isJoineryError(error) && !error.retriable)
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

/** If one partition is rejected, the broker does not try the others: the cause is that one's error, wherever it is in the response. */
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
