import { isJoineryError } from '@joinery/core'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { OutgoingBatch } from './outgoing-batch.js'
import { Producer } from './producer.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { transactionProtocol } from './transaction-protocol.js'

/** Options of {@link TransactionalProducer}. */
export interface TransactionalProducerOptions {
  readonly transactionTimeoutMs: number
  /** For how long requests without a response are retried, in milliseconds. */
  readonly deliveryTimeoutMs: number
  readonly codec: 'none' | 'gzip'
}

/** A transaction could not begin, and none of its topics is the reason: for example, its coordinator did not respond. */
export class TransactionNotBegun extends Error {
  override readonly name: string = 'TransactionNotBegun'

  constructor(cause: unknown) {
    super('the transaction could not begin', { cause })
  }
}

/** Writes the transactions of one transactional id, one after the other. */
export class TransactionalProducer {
  readonly transactionalId: string
  readonly #coordinator: TransactionCoordinator
  readonly #producer: Producer
  readonly #isVersion2: boolean

  /** Begins the first epoch of a transactional id. Earlier transactions of that id are aborted. */
  static async open(
    cluster: KafkaCluster,
    transactionalId: string,
    options: TransactionalProducerOptions,
  ): Promise<TransactionalProducer> {
    const protocol = transactionProtocol(await cluster.transactionVersion())
    const coordinator = new TransactionCoordinator(cluster, transactionalId, { ...options, protocol })
    const producer = new Producer(cluster, {
      ...options,
      transactionalId,
      channel: 'main',
      versions: protocol.produce,
      coordinator,
    })
    producer.setProducerIdAndEpoch(await coordinator.init())
    failpoint('open.producer-ready')
    return new TransactionalProducer(transactionalId, coordinator, producer, protocol.isVersion2)
  }

  private constructor(
    transactionalId: string,
    coordinator: TransactionCoordinator,
    producer: Producer,
    isVersion2: boolean,
  ) {
    this.transactionalId = transactionalId
    this.#coordinator = coordinator
    this.#producer = producer
    this.#isVersion2 = isVersion2
  }

  /** Changes when its epochs are used up. */
  get producerId(): bigint {
    return this.#producer.producerIdAndEpoch.producerId
  }

  /**
   * Writes the batches of one transaction.
   *
   * @param timeoutMs for how long a batch that is not acknowledged is retried; default: `deliveryTimeoutMs`
   * @returns the error of each batch that was not written
   * @throws TransactionNotBegun if nothing was written, and no batch is the reason
   */
  async write(batches: readonly OutgoingBatch[], timeoutMs?: number): Promise<ReadonlyMap<OutgoingBatch, unknown>> {
    const partitions = new Map<string, Set<number>>()
    for (const { topic, partition } of batches)
      partitions.set(topic, (partitions.get(topic) ?? new Set()).add(partition))
    try {
      await this.#coordinator.addPartitions(this.#producer.producerIdAndEpoch, partitions)
    } catch (error) {
      const topic = topicOf(error)
      if (topic === undefined) throw new TransactionNotBegun(error)
      return new Map(batches.filter((batch) => batch.topic === topic).map((batch) => [batch, error]))
    }
    return this.#producer.send(batches, timeoutMs)
  }

  /**
   * Commits the transaction.
   *
   * @returns whether another transaction may follow under this id: not if a copy of EndTxn might commit it
   */
  async commit(): Promise<boolean> {
    const { next, isRepeated } = await this.#coordinator.end(this.#producer.producerIdAndEpoch, 'commit')
    this.#producer.setProducerIdAndEpoch(next)
    return this.#isVersion2 || !isRepeated
  }
}

/** @returns the topic that an error is about */
function topicOf(error: unknown): string | undefined {
  // the coordinator returns the code for each partition
  if (error instanceof ProtocolError) return isCoordinatorMoved(error.code) ? undefined : error.topic
  return isJoineryError(error) ? error.topic : undefined
}

/** Whether a transaction could not be written only because the previous one has not ended in all partitions. */
export const isPreviousIncomplete = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === CODE.CONCURRENT_TRANSACTIONS
