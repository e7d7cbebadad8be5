import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { exponentialBackoff, retry } from '../connection/retry.js'
import {
  type AddPartitionsToTxnResponse,
  decodeAddPartitionsToTxnResponse,
  encodeAddPartitionsToTxnRequest,
} from '../protocol/add-partitions-to-txn.js'
import type { ApiRequest } from '../protocol/api.js'
import { decodeEndTxnResponse, END_TXN, encodeEndTxnRequest } from '../protocol/end-txn.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  INIT_PRODUCER_ID,
} from '../protocol/init-producer-id.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import { topicMissing } from './fatal-error.js'
import type { ProducerIdAndEpoch } from './producer-id.js'

const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 100
const MAX_ATTEMPTS = 300
/** For topics that may be so new that not all brokers have them. */
const MAX_UNKNOWN_TOPIC_ATTEMPTS = 50

/** The outcome of a request. */
interface Outcome {
  readonly errorCode: number
  /** The topic that the error is about. */
  readonly topic?: string
}

/** A request to the coordinator. */
interface CoordinatorRequest<R extends Outcome> {
  readonly request: ApiRequest
  readonly decode: (reader: ResponseReader) => R
  /** Whether it may be sent again if there was no response. */
  readonly isRepeatable: boolean
}

/** The coordinator of one transactional id. */
export class TransactionCoordinator {
  readonly #cluster: KafkaCluster
  readonly #id: string
  readonly #timeoutMs: number
  /** Whether a transaction ends with a new epoch, and Produce adds its partitions itself (KIP-890 part 2). */
  readonly isTransactionV2Enabled: boolean
  #node: number | undefined

  constructor(cluster: KafkaCluster, id: string, timeoutMs: number, isTransactionV2Enabled: boolean) {
    this.#cluster = cluster
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.isTransactionV2Enabled = isTransactionV2Enabled
  }

  /** Fences every producer of this id, ends its transaction, and begins a new epoch. */
  async init(): Promise<ProducerIdAndEpoch> {
    const version = this.isTransactionV2Enabled ? INIT_PRODUCER_ID.transactionV2Version : INIT_PRODUCER_ID.version
    const response = await this.#send({
      request: encodeInitProducerIdRequest(
        { transactionalId: this.#id, transactionTimeoutMs: this.#timeoutMs, producerId: -1, producerEpoch: -1 },
        version,
      ),
      decode: (reader) => decodeInitProducerIdResponse(reader, version),
      isRepeatable: true,
    })
    return { producerId: response.producerId, epoch: response.producerEpoch }
  }

  /** Adds partitions to the transaction; with transaction version 2 Produce does that. */
  async addPartitions(
    { producerId, epoch }: ProducerIdAndEpoch,
    partitions: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<void> {
    if (this.isTransactionV2Enabled) return
    await this.#send({
      request: encodeAddPartitionsToTxnRequest({
        transactionalId: this.#id,
        producerId,
        producerEpoch: epoch,
        topics: Array.from(partitions, ([name, numbers]) => ({ name, partitions: [...numbers] })),
      }),
      decode: (reader) => causeOf(decodeAddPartitionsToTxnResponse(reader)),
      isRepeatable: true,
    })
    failpoint('commit.partitions-added')
  }

  /**
   * Commits the transaction.
   *
   * @param sent is called when the request may have reached the coordinator: from then on only the response shows the
   * outcome
   * @returns the producer id and epoch of the next transaction
   */
  async commit({ producerId, epoch }: ProducerIdAndEpoch, sent: () => void): Promise<ProducerIdAndEpoch> {
    const version = this.isTransactionV2Enabled ? END_TXN.transactionV2Version : END_TXN.version
    const request = encodeEndTxnRequest(
      { transactionalId: this.#id, producerId, producerEpoch: epoch, committed: true },
      version,
    )
    sent()
    const response = await this.#send({
      request,
      decode: (reader) => decodeEndTxnResponse(reader, version),
      isRepeatable: false,
    })
    if (!this.isTransactionV2Enabled) return { producerId, epoch }
    return { producerId: response.producerId, epoch: response.producerEpoch }
  }

  /** Sends a request until the coordinator is available and the previous transaction is complete. */
  async #send<R extends Outcome>({ request, decode, isRepeatable }: CoordinatorRequest<R>): Promise<R> {
    const { name } = request.api
    let isCoordinatorKnown = false
    const unknownNode = (error: unknown): never => {
      this.#node = undefined
      throw error
    }
    const attempt = async (): Promise<R> => {
      isCoordinatorKnown = false
      this.#node ??= await this.#cluster.coordinatorOf('transaction', this.#id)
      isCoordinatorKnown = true
      const response = await this.#cluster.request(this.#node, 'transactions', request).then(decode).catch(unknownNode)
      const { errorCode, topic } = response
      if (errorCode === CODE.NONE) return response
      if (isCoordinatorMoved(errorCode)) this.#node = undefined
      throw new ProtocolError(errorCode, `${name} of ${this.#id}`, topic)
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

/** If one partition is rejected, the broker does not try the others: the cause is the error of that one, in any position. */
function causeOf({ resultsByTopic }: AddPartitionsToTxnResponse): Outcome {
  let cause: Outcome = { errorCode: CODE.NONE }
  for (const { name: topic, resultsByPartition } of resultsByTopic) {
    for (const { partitionErrorCode: errorCode } of resultsByPartition) {
      const mayBeReplaced = cause.errorCode === CODE.NONE || cause.errorCode === CODE.OPERATION_NOT_ATTEMPTED
      if (errorCode !== CODE.NONE && mayBeReplaced) cause = { errorCode, topic }
    }
  }
  return cause
}
