import { isJoineryError, JoineryError, type NewRecord } from '@joinery/core'
import type { LogSink } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, isCoordinatorMoved, ProtocolError } from '../protocol/error-codes.js'
import {
  decodeInitProducerIdResponse,
  encodeInitProducerIdRequest,
  INIT_PRODUCER_ID,
} from '../protocol/init-producer-id.js'
import { type TopicSizes, writeBatches } from './kafka-session.js'
import { Producer } from './producer.js'
import { OpenBatches } from './sealed-batches.js'
import { incurable } from './write-failure.js'

const TIMEOUT_MS = 60_000
const RETRY_MS = 100
const TRIES = 100

/** Appends outside of transactions, each record once (an idempotent producer). */
export class KafkaSink implements LogSink {
  readonly #cluster: KafkaCluster
  readonly #codec: 'none' | 'gzip'
  readonly #sizes: TopicSizes
  #producer: Promise<Producer> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(cluster: KafkaCluster, codec: 'none' | 'gzip', sizes: TopicSizes) {
    this.#cluster = cluster
    this.#codec = codec
    this.#sizes = sizes
  }

  append(records: readonly NewRecord[]): Promise<void> {
    const done = this.#last.then(() => this.#append(records))
    this.#last = done.catch(() => {}) // the caller is told; the next append begins anew
    return done
  }

  async #append(records: readonly NewRecord[]): Promise<void> {
    if (records.length === 0) return
    this.#producer ??= this.#open()
    try {
      await writeBatches(this.#cluster, await this.#producer, undefined, records, {
        facts: new Map(),
        sizes: this.#sizes,
        open: new OpenBatches(),
      })
    } catch (cause) {
      this.#producer = undefined // its sequence numbers cannot be trusted any more
      const error = incurable(cause)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `records could not be appended: ${String(cause)}`, {
        cause,
        retriable: true,
      })
    }
  }

  async #open(): Promise<Producer> {
    const producer = new Producer(this.#cluster, {
      transactionalId: null,
      lane: 'main',
      codec: this.#codec,
      isFlexible: false,
    })
    const { version } = INIT_PRODUCER_ID
    const request = encodeInitProducerIdRequest(
      { transactionalId: null, transactionTimeoutMs: TIMEOUT_MS, producerId: -1, producerEpoch: -1 },
      version,
    )
    for (let tries = 1; ; tries++) {
      const response = decodeInitProducerIdResponse(await this.#cluster.requestAny(request), version)
      const { errorCode: code, producerId, producerEpoch } = response
      if (code === CODE.NONE) {
        producer.become({ id: producerId, epoch: producerEpoch })
        return producer
      }
      if (!isCoordinatorMoved(code) || tries === TRIES) throw new ProtocolError(code, INIT_PRODUCER_ID.name)
      await sleep(this.#cluster.clock, RETRY_MS)
    }
  }
}
