import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import {
  type AddPartitionsToTxnResponse,
  decodeAddPartitionsToTxnResponse,
  encodeAddPartitionsToTxnRequest,
} from '../protocol/add-partitions-to-txn.js'
import type { ApiRequest } from '../protocol/api.js'
import { decodeEndTxnResponse, END_TXN, encodeEndTxnRequest } from '../protocol/end-txn.js'
import { CODE, isCoordinatorMoved, ProtocolError } from '../protocol/error-codes.js'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  INIT_PRODUCER_ID,
} from '../protocol/init-producer-id.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import type { Identity } from './producer.js'
import { topicGone } from './write-failure.js'

const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 100
const TRIES = 300
/** Of topics that may be too new to be known everywhere. */
const UNKNOWN_TRIES = 50

/** What a response reports. */
interface Outcome {
  readonly errorCode: number
  /** The topic that the error is about. */
  readonly topic?: string
}

/** Speaks with the coordinator of one transactional id. */
export class TransactionCoordinator {
  readonly #cluster: KafkaCluster
  readonly #id: string
  readonly #timeoutMs: number
  /** Whether a transaction ends with a new epoch, and Produce adds its partitions itself (KIP-890 part 2). */
  readonly isSecondVersion: boolean
  #node: number | undefined

  constructor(cluster: KafkaCluster, id: string, timeoutMs: number, isSecondVersion: boolean) {
    this.#cluster = cluster
    this.#id = id
    this.#timeoutMs = timeoutMs
    this.isSecondVersion = isSecondVersion
  }

  /** Fences every producer of this id, ends its transaction, and begins a new epoch. */
  async init(): Promise<Identity> {
    const version = this.isSecondVersion ? INIT_PRODUCER_ID.transactionV2Version : INIT_PRODUCER_ID.version
    const request = encodeInitProducerIdRequest(
      { transactionalId: this.#id, transactionTimeoutMs: this.#timeoutMs, producerId: -1, producerEpoch: -1 },
      version,
    )
    const response = await this.#ask(request, (reader) => decodeInitProducerIdResponse(reader, version))
    return { id: response.producerId, epoch: response.producerEpoch }
  }

  /** Tells which partitions the transaction writes to; the newer protocol does so with Produce. */
  async add({ id, epoch }: Identity, partitions: ReadonlyMap<string, ReadonlySet<number>>): Promise<void> {
    if (this.isSecondVersion) return
    const request = encodeAddPartitionsToTxnRequest({
      transactionalId: this.#id,
      producerId: id,
      producerEpoch: epoch,
      topics: Array.from(partitions, ([name, numbers]) => ({ name, partitions: [...numbers] })),
    })
    await this.#ask(request, (reader) => causeOf(decodeAddPartitionsToTxnResponse(reader)))
    failpoint('commit.partitions-added')
  }

  /**
   * Commits. Answers the identity of the next transaction.
   *
   * @param sent called when the request may have reached the coordinator: from then on the outcome is not known without an answer
   */
  async commit(identity: Identity, sent: () => void): Promise<Identity> {
    const version = this.isSecondVersion ? END_TXN.transactionV2Version : END_TXN.version
    const request = encodeEndTxnRequest(
      { transactionalId: this.#id, producerId: identity.id, producerEpoch: identity.epoch, committed: true },
      version,
    )
    sent()
    const response = await this.#ask(request, (reader) => decodeEndTxnResponse(reader, version))
    return this.isSecondVersion ? { id: response.producerId, epoch: response.producerEpoch } : identity
  }

  /** Sends a request until the coordinator is there and the previous transaction is complete. */
  async #ask<R extends Outcome>(request: ApiRequest, decode: (reader: ResponseReader) => R): Promise<R> {
    const { name } = request.api
    // whether a commit counts is not known without its response: it is not sent again
    const mayRepeat = request.api.key !== END_TXN.key
    let wait = FIRST_RETRY_MS
    for (let tries = 1; ; tries++) {
      this.#node ??= await this.#cluster.coordinatorOf('transaction', this.#id)
      let code: number
      let topic: string | undefined
      try {
        const response = decode(await this.#cluster.request(this.#node, 'transactions', request))
        if (response.errorCode === CODE.NONE) return response
        code = response.errorCode
        topic = response.topic
      } catch (error) {
        this.#node = undefined
        if (!mayRepeat || tries === TRIES || (isJoineryError(error) && !error.retriable)) throw error
        code = CODE.COORDINATOR_NOT_AVAILABLE
      }
      if (isCoordinatorMoved(code)) this.#node = undefined
      const isUnknown = code === CODE.UNKNOWN_TOPIC_OR_PARTITION
      if (isUnknown && topic !== undefined && tries >= UNKNOWN_TRIES)
        throw topicGone(topic, new ProtocolError(code, name, topic))
      const isTransient = isCoordinatorMoved(code) || code === CODE.CONCURRENT_TRANSACTIONS || isUnknown
      if (!isTransient || tries === TRIES) throw new ProtocolError(code, `${name} of ${this.#id}`, topic)
      await sleep(this.#cluster.clock, code === CODE.CONCURRENT_TRANSACTIONS ? wait : LAST_RETRY_MS)
      wait = Math.min(wait * 2, LAST_RETRY_MS)
    }
  }
}

/** With one cause the broker attempts no other partition: the cause counts, in whatever order they come. */
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
