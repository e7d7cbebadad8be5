import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import type { EventLoop } from '../event-loop.js'
import { brokerTime } from './broker-time.js'
import type { AppendResult, ProducedBatch } from './producer-states.js'
import type { SimPartition } from './sim-partition.js'
import type { ProducerIdAndEpoch, TransactionalProducer, TransactionOptions } from './transaction-state.js'

/** How soon a marker is sent again to a broker that does not respond. */
const MARKER_RETRY_MS = 100

/**
 * The transaction coordinator, for both versions of the protocol: that of each request counts. Epochs fence. A transaction is decided first, and its markers are
 * written later, in each partition at a different time. In version 2 (KIP-890), each transaction ends with a new epoch, and Produce
 * adds its partition to the transaction.
 */
export class Transactions {
  readonly #eventLoop: EventLoop
  readonly #writers = new Map<string, TransactionalProducer>()
  /** The finalized level of `transaction.version`. */
  version: 1 | 2
  readonly #options: TransactionOptions
  /** The share of transactions whose markers take long. */
  slowMarkerRate = 0
  /** Simulated times at which transactions were decided to be committed. */
  readonly committedAt: Map<number, number> = new Map()
  /** Transactional ids by producer id. */
  readonly idOf: Map<bigint, string> = new Map()
  /** Which process has written under each transactional id. */
  readonly #users = new Map<string, string>()
  /** The last producer id: ids have 63 bits. */
  #producers = 2n ** 62n
  #transactions = 0

  constructor(eventLoop: EventLoop, version: 1 | 2, options: TransactionOptions) {
    this.#eventLoop = eventLoop
    this.version = version
    this.#options = options
  }

  /** InitProducerId: aborts the open transaction, and fences all earlier epochs. */
  init(id: string, timeoutMs: number): { readonly code: number; readonly identity?: ProducerIdAndEpoch } {
    const writer = this.#writers.get(id) ?? this.#newWriter(id)
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS }
    writer.epoch++
    if (writer.state === 'open') {
      this.#end(id, writer, false)
      return { code: CODE.CONCURRENT_TRANSACTIONS }
    }
    writer.timeoutMs = timeoutMs
    this.#renew(id, writer)
    return { code: CODE.NONE, identity: { producer: writer.producer, epoch: writer.epoch } }
  }

  #newWriter(id: string): TransactionalProducer {
    const writer: TransactionalProducer = {
      producer: ++this.#producers,
      epoch: -1,
      state: 'empty',
      partitions: new Set(),
      transaction: 0,
      timeoutMs: 0,
      ended: undefined,
      ending: -1n,
    }
    this.#writers.set(id, writer)
    this.idOf.set(writer.producer, id)
    return writer
  }

  /** A transactional id gets another producer id when the epochs of the last one are used up. */
  #renew(id: string, writer: TransactionalProducer): void {
    if (writer.epoch < this.#options.epochs) return
    this.#eventLoop.note(`the epochs of a producer id of ${id} are used up`)
    writer.producer = ++this.#producers
    writer.epoch = 0
    this.idOf.set(writer.producer, id)
  }

  /** AddPartitionsToTxn, only in version 1. */
  add(id: string, by: ProducerIdAndEpoch, partitions: readonly SimPartition[]): number {
    const [code, writer] = this.#current(id, by)
    if (writer === undefined) return code
    if (writer.state === 'ending') return CODE.CONCURRENT_TRANSACTIONS
    this.#open(id, writer)
    for (const partition of partitions) writer.partitions.add(partition)
    return CODE.NONE
  }

  /** Produce to one partition within the transaction. */
  produce(id: string, partition: SimPartition, batch: ProducedBatch, isVersion2: boolean): AppendResult {
    const [code, writer] = this.#current(id, batch, isVersion2)
    if (writer === undefined) return { code, base: -1 }
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS, base: -1 }
    if (isVersion2) {
      this.#open(id, writer)
      writer.partitions.add(partition)
    } else if (writer.state !== 'open' || !writer.partitions.has(partition))
      return { code: CODE.INVALID_TXN_STATE, base: -1 }
    return partition.produce(batch, writer.transaction, this.#eventLoop.now, brokerTime(this.#eventLoop))
  }

  /** EndTxn: the decision is final when this returns; the records become readable with the markers. */
  end(
    id: string,
    by: ProducerIdAndEpoch,
    isCommit: boolean,
    isVersion2: boolean,
  ): { readonly code: number; readonly identity?: ProducerIdAndEpoch } {
    const repeated = this.#repeatedEnd(id, by, isCommit)
    if (repeated !== undefined) return repeated
    const [code, writer] = this.#current(id, by, isVersion2)
    if (writer === undefined) return { code }
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS }
    if (writer.state === 'empty') return { code: CODE.INVALID_TXN_STATE }
    if (isVersion2) writer.epoch++
    this.#end(id, writer, isCommit)
    if (isVersion2) this.#renew(id, writer)
    writer.ended = { ...by, isCommit, next: { producer: writer.producer, epoch: writer.epoch } }
    return { code: CODE.NONE, identity: { producer: writer.producer, epoch: writer.epoch } }
  }

  /** @returns the response to an EndTxn that has arrived before; in version 1, only until the next transaction begins */
  #repeatedEnd(
    id: string,
    { producer, epoch }: ProducerIdAndEpoch,
    isCommit: boolean,
  ): { readonly code: number; readonly identity?: ProducerIdAndEpoch } | undefined {
    const writer = this.#writers.get(id)
    const ended = writer?.ended
    if (ended?.producer !== producer || ended.epoch !== epoch || ended.isCommit !== isCommit) return undefined
    const { next } = ended
    if (next.producer !== writer?.producer || next.epoch !== writer.epoch) return undefined // another epoch has begun
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS }
    return { code: CODE.NONE, identity: next }
  }

  /** Whether a process is the only one that has written under a transactional id. */
  isUsedBy(id: string, process: string): boolean {
    const user = this.#users.get(id) ?? process
    this.#users.set(id, user)
    return user === process
  }

  /** Idle producer ids expire (`transactional.id.expiration.ms`). */
  expireProducerIds(): void {
    for (const [id, { state }] of this.#writers) if (state === 'empty') this.#writers.delete(id)
  }

  /** The state of a producer; `undefined` once its id has expired. */
  stateOf(producer: bigint): 'empty' | 'open' | 'ending' | undefined {
    const writer = this.#writers.get(this.idOf.get(producer) ?? '')
    if (writer?.state === 'ending' && writer.ending === producer) return 'ending'
    return writer?.producer === producer ? writer.state : undefined
  }

  /** @returns the number of the open transaction of a transactional id */
  openTransactionOf(id: string): number | undefined {
    const writer = this.#writers.get(id)
    return writer?.state === 'open' ? writer.transaction : undefined
  }

  /** The partitions of the open transactions whose transactional ids have a prefix. */
  openPartitions(prefix: string): readonly SimPartition[] {
    const open = [...this.#writers].filter(([id, { state }]) => id.startsWith(prefix) && state === 'open')
    return open.flatMap(([, { partitions }]) => [...partitions])
  }

  /** All transactional ids in use. */
  get ids(): readonly string[] {
    return [...this.#writers.keys()]
  }

  #current(
    id: string,
    { producer, epoch }: ProducerIdAndEpoch,
    isVersion2 = false,
  ): [code: number, writer?: TransactionalProducer] {
    const writer = this.#writers.get(id)
    if (writer === undefined || writer.producer !== producer) return [CODE.INVALID_PRODUCER_ID_MAPPING]
    return writer.epoch === epoch
      ? [CODE.NONE, writer]
      : [isVersion2 ? CODE.PRODUCER_FENCED : CODE.INVALID_PRODUCER_EPOCH]
  }

  #open(id: string, writer: TransactionalProducer): void {
    if (writer.state === 'open') return
    writer.state = 'open'
    writer.ended = undefined
    const transaction = ++this.#transactions
    writer.transaction = transaction
    this.#eventLoop.schedule(writer.timeoutMs, `transaction of ${id} times out`, () => {
      if (writer.state !== 'open' || writer.transaction !== transaction) return
      writer.epoch++
      this.#end(id, writer, false)
    })
  }

  #end(id: string, writer: TransactionalProducer, isCommit: boolean): void {
    const { producer, epoch, transaction } = writer
    const partitions = [...writer.partitions]
    writer.partitions.clear()
    writer.state = 'ending'
    writer.ending = producer
    if (isCommit) this.committedAt.set(transaction, this.#eventLoop.now)
    const { random } = this.#eventLoop
    const delay = random.chance(this.slowMarkerRate) ? random.between(50, 3_000) : 2
    let left = partitions.length
    const marked = () => {
      if (--left <= 0) writer.state = 'empty'
    }
    if (left === 0) marked()
    for (const partition of partitions) {
      const label = `${isCommit ? 'commit' : 'abort'} marker of ${id} in ${partition.topic}[${partition.partition}]`
      const write = (): void => {
        if (!isCommit && this.#options.skipsAborts(partition)) {
          this.#eventLoop.note(`skipped: ${label}`)
          marked()
          return
        }
        if (!this.#options.canWrite(partition)) {
          this.#eventLoop.schedule(MARKER_RETRY_MS, label, write)
          return
        }
        partition.endTransaction(producer, epoch, transaction, isCommit, this.#eventLoop.now)
        const { random: repeats, repeatedMarkerRate } = this.#options
        if (!repeats.chance(repeatedMarkerRate)) {
          marked()
          return
        }
        // the transaction is not over before the leader has responded
        this.#eventLoop.schedule(repeats.next() * MARKER_RETRY_MS, `again: ${label}`, () => {
          if (this.#options.canWrite(partition)) partition.repeatMarker(producer, transaction, this.#eventLoop.now)
          marked()
        })
      }
      this.#eventLoop.schedule(random.next() * delay, label, write)
    }
  }
}
