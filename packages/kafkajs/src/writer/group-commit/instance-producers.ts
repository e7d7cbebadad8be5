import { isJoineryError } from '@joinery/core'
import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import type { OngoingRetries } from '../../connection/ongoing-retries.js'
import { sleep } from '../../connection/retry.js'
import { CODE } from '../../protocol/error-codes.js'
import { ProtocolError } from '../../protocol/protocol-error.js'
import { abortHanging } from '../abort-hanging.js'
import { fatalError } from '../fatal-error.js'
import { TransactionalProducer, type TransactionalProducerOptions } from '../transactional-producer.js'

/** Options of {@link InstanceProducers}. */
export interface InstanceProducersOptions extends TransactionalProducerOptions {
  readonly retries: OngoingRetries
}

const RETRY_MS = 1_000

/**
 * The producers of one instance of an application, one at a time: `<application>-<instance>.<n>`. After any outcome of a
 * transaction but `committed` its transactional id is retired: it is used only to abort what was begun with it. Requests that
 * were given up may still arrive, and Kafka 4.3.1 may commit records of an aborted transaction, whose marker it has skipped,
 * with the next transaction of the same id (KAFKA-20734).
 */
export class InstanceProducers {
  readonly #cluster: KafkaCluster
  readonly #prefix: string
  readonly #options: InstanceProducersOptions
  #count = 0
  #current: Promise<TransactionalProducer> | undefined

  /** @param prefix the beginning of the transactional ids: application and instance */
  constructor(cluster: KafkaCluster, prefix: string, options: InstanceProducersOptions) {
    this.#cluster = cluster
    this.#prefix = prefix
    this.#options = options
  }

  /** The transactional id in use. */
  get transactionalId(): string {
    return `${this.#prefix}.${this.#count}`
  }

  /** @returns the producer in use, with a fresh transactional id if there is none */
  current(): Promise<TransactionalProducer> {
    if (this.#current === undefined) {
      const opening = TransactionalProducer.open(this.#cluster, this.transactionalId, this.#options)
      this.#current = opening
      opening.catch(() => {
        // its next InitProducerId might meet this one, which may still arrive
        if (this.#current === opening) this.#forget()
      })
    }
    return this.#current
  }

  /**
   * Retires the transactional id in use, and aborts its transaction in the background.
   *
   * @param written the partitions that may have records of it: brokers may skip the markers of those that lose their leaders
   */
  retire(written: readonly TopicPartition[] = []): void {
    const { transactionalId } = this
    this.#forget()
    void this.#abort(transactionalId, written)
  }

  #forget(): void {
    this.#current = undefined
    this.#count++
  }

  /** Never rejects. */
  async #abort(transactionalId: string, written: readonly TopicPartition[]): Promise<void> {
    const { retries } = this.#options
    const what = `abort the transaction of ${transactionalId}`
    // InitProducerId is repeated until there is a response: it aborts the open transaction
    await this.#untilDone(what, () => TransactionalProducer.open(this.#cluster, transactionalId, this.#options))
    let left: readonly TopicPartition[] = written.map(({ topic, partition }) => ({ topic, partition }))
    await this.#untilDone(what, async () => {
      if (left.length === 0) return
      const before = await this.#leaders(left)
      const led = left.filter((_, i) => typeof before[i] === 'number')
      if (led.length > 0) await abortHanging(this.#cluster, transactionalId, led, this.#options)
      // a partition that has lost its leader meanwhile may have missed this marker, too
      const after = await this.#leaders(left)
      left = left.filter((_, i) => after[i] !== 'deleted' && (after[i] === 'none' || after[i] !== before[i]))
      const [first] = left
      if (first !== undefined) throw new ProtocolError(CODE.LEADER_NOT_AVAILABLE, what, first.topic)
    })
    retries.end(what)
  }

  /** @returns the epoch of each partition's leader now, unless it has none or was deleted */
  async #leaders(partitions: readonly TopicPartition[]): Promise<readonly (number | 'none' | 'deleted')[]> {
    const metadata = await this.#cluster.refresh([...new Set(partitions.map(({ topic }) => topic))])
    const topics = new Map(metadata.map((each) => [each.topic, each]))
    return partitions.map(({ topic, partition }) => {
      const { code, leaders = [], leaderEpochs = [] } = topics.get(topic) ?? {}
      if (code === CODE.UNKNOWN_TOPIC_OR_PARTITION) return 'deleted'
      return (leaders[partition] ?? -1) < 0 ? 'none' : (leaderEpochs[partition] ?? -1)
    })
  }

  async #untilDone(what: string, operation: () => Promise<unknown>): Promise<void> {
    const { clock, closed } = this.#cluster
    while (!closed.aborted) {
      try {
        await operation()
        return
      } catch (error) {
        // without the right to use the id, the transaction times out
        if (fatalError(error) !== undefined || (isJoineryError(error) && !error.retriable)) return
        this.#options.retries.report(what, error)
        await sleep(clock, RETRY_MS, closed)
      }
    }
  }
}
