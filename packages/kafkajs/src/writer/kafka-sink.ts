import { isJoineryError, JoineryError, type NewRecord } from '@joinery/core'
import { type LogSink, type OutputTopicInfo, recordsRefused } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { retry } from '../connection/retry.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import { INIT_PRODUCER_ID } from '../protocol/init-producer-id.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { fatalError, recordTooLarge } from './fatal-error.js'
import type { OutgoingBatch } from './outgoing-batch.js'
import type { OutputTopics } from './output-topics.js'
import { Producer } from './producer.js'
import { RecordAccumulator } from './record-accumulator.js'
import { BatchRefused, refusedRecords } from './refused-records.js'

const TRANSACTION_TIMEOUT_MS = 60_000
const DELIVERY_TIMEOUT_MS = 30_000
const RETRY_MS = 100
const MAX_ATTEMPTS = 100

/** Appends outside of transactions, each record once (an idempotent producer). */
export class KafkaSink implements LogSink {
  readonly #cluster: KafkaCluster
  readonly #codec: 'none' | 'gzip'
  readonly #topics: OutputTopics
  #producer: Promise<Producer> | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(cluster: KafkaCluster, codec: 'none' | 'gzip', topics: OutputTopics) {
    this.#cluster = cluster
    this.#codec = codec
    this.#topics = topics
  }

  append(records: readonly NewRecord[]): Promise<void> {
    const done = this.#last.then(() => this.#append(records))
    this.#last = done.catch(() => {}) // the caller receives the error; the next append opens a new producer
    return done
  }

  async #append(records: readonly NewRecord[]): Promise<void> {
    if (records.length === 0) return
    this.#producer ??= this.#open()
    try {
      const producer = await this.#producer
      const topics = this.#topics.withoutPartitions()
      await topics.lookUp(new Set(records.map(({ topic }) => topic)))
      const accumulator = new RecordAccumulator()
      for (const record of records) accumulator.add(record, topics.get(record.topic) as OutputTopicInfo)
      for (const [batch, error] of await producer.send(accumulator.batches)) {
        const { maxMessageBytes } = topics.get(batch.topic) as OutputTopicInfo
        throw recordTooLarge(error, batch, maxMessageBytes) ?? (await this.#withRecords(error))
      }
    } catch (cause) {
      this.#producer = undefined // its sequence numbers may differ from those that the broker expects
      const error = fatalError(cause)
      if (error !== undefined) throw error
      if (isJoineryError(cause)) throw cause
      throw new JoineryError('LOG_FAILED', `could not append records: ${String(cause)}`, {
        cause,
        retriable: true,
      })
    }
  }

  /** @returns the error to throw in place of one about a batch */
  async #withRecords(error: unknown): Promise<unknown> {
    if (!(error instanceof BatchRefused)) return error
    const isRefused = async (batch: OutgoingBatch): Promise<boolean> => {
      const failure = (await (await this.#open()).send([batch])).get(batch)
      if (failure !== undefined && !(failure instanceof BatchRefused)) throw failure
      return failure !== undefined
    }
    return recordsRefused(await refusedRecords(error, isRefused), error)
  }

  async #open(): Promise<Producer> {
    const request = { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }
    const producer = new Producer(this.#cluster, {
      transactionalId: null,
      channel: 'main',
      codec: this.#codec,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
    })
    const attempt = async () => {
      const response = await this.#cluster.requestAny(INIT_PRODUCER_ID, request)
      const { errorCode, producerId, producerEpoch: epoch } = response
      if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, INIT_PRODUCER_ID.name)
      producer.setProducerIdAndEpoch({ producerId, epoch })
    }
    await retry(attempt, {
      clock: this.#cluster.clock,
      signal: this.#cluster.closed,
      maxAttempts: MAX_ATTEMPTS,
      isRetriable: (error) => error instanceof ProtocolError && isCoordinatorMoved(error.code),
      delayMs: () => RETRY_MS,
    })
    return producer
  }
}
