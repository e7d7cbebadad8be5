import { CODE } from '../../../../kafkajs/src/wire/error-codes.js'
import type { World } from '../world.js'
import { brokerTime } from './broker-time.js'
import type { Appended, ProducedBatch } from './producer-states.js'
import type { SimPartition } from './sim-partition.js'

/** A producer as the coordinator knows it. */
export interface Identity {
  readonly producer: number
  readonly epoch: number
}

/** A producer id for which no transaction is open, or one is, or markers of the last one are being written. */
interface Writer {
  producer: number
  epoch: number
  state: 'empty' | 'open' | 'ending'
  partitions: Set<SimPartition>
  /** Its number, if one is open. */
  transaction: number
  timeoutMs: number
}

/**
 * The coordinator of transactions, with the rules of either protocol: epochs fence; the decision comes first and markers
 * later, each partition at its time. In the second version (KIP-890) a transaction ends with a new epoch, and Produce adds
 * its partition itself.
 */
export class Transactions {
  readonly #world: World
  readonly #writers = new Map<string, Writer>()
  readonly version: 1 | 2
  /** How often markers take long. */
  slowMarkers = 0
  /** World times at which transactions were decided to be committed. */
  readonly committedAt: Map<number, number> = new Map()
  #producers = 0
  #transactions = 0

  constructor(world: World, version: 1 | 2) {
    this.#world = world
    this.version = version
  }

  /** InitProducerId: aborts what is open, and fences every earlier epoch. */
  init(id: string, timeoutMs: number): { readonly code: number; readonly identity?: Identity } {
    const writer = this.#writers.get(id) ?? this.#newWriter(id)
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS }
    writer.epoch++
    if (writer.state === 'open') {
      this.#end(id, writer, false)
      return { code: CODE.CONCURRENT_TRANSACTIONS }
    }
    writer.timeoutMs = timeoutMs
    return { code: CODE.NONE, identity: { producer: writer.producer, epoch: writer.epoch } }
  }

  #newWriter(id: string): Writer {
    const writer: Writer = {
      producer: ++this.#producers,
      epoch: -1,
      state: 'empty',
      partitions: new Set(),
      transaction: 0,
      timeoutMs: 0,
    }
    this.#writers.set(id, writer)
    return writer
  }

  /** AddPartitionsToTxn, of the first version. */
  add(id: string, by: Identity, partitions: readonly SimPartition[]): number {
    const [code, writer] = this.#current(id, by)
    if (writer === undefined) return code
    if (writer.state === 'ending') return CODE.CONCURRENT_TRANSACTIONS
    this.#open(id, writer)
    for (const partition of partitions) writer.partitions.add(partition)
    return CODE.NONE
  }

  /** Produce to one partition, within the transaction. */
  produce(id: string, partition: SimPartition, batch: ProducedBatch): Appended {
    const [code, writer] = this.#current(id, batch)
    if (writer === undefined) return { code, base: -1 }
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS, base: -1 }
    if (this.version === 2) {
      this.#open(id, writer)
      writer.partitions.add(partition)
    } else if (writer.state !== 'open' || !writer.partitions.has(partition))
      return { code: CODE.INVALID_TXN_STATE, base: -1 }
    return partition.produce(batch, writer.transaction, this.#world.now, brokerTime(this.#world))
  }

  /** EndTxn: the decision stands when this returns; what was written can be read when the markers are. */
  end(id: string, by: Identity, isCommit: boolean): { readonly code: number; readonly identity?: Identity } {
    const [code, writer] = this.#current(id, by)
    if (writer === undefined) return { code }
    if (writer.state === 'ending') return { code: CODE.CONCURRENT_TRANSACTIONS }
    if (writer.state === 'empty') return { code: CODE.INVALID_TXN_STATE }
    if (this.version === 2) writer.epoch++
    this.#end(id, writer, isCommit)
    return { code: CODE.NONE, identity: { producer: writer.producer, epoch: writer.epoch } }
  }

  /** Producers that were idle for long are forgotten (`transactional.id.expiration.ms`). */
  forget(): void {
    for (const [id, { state }] of this.#writers) if (state === 'empty') this.#writers.delete(id)
  }

  /** The ids that have written. */
  get ids(): readonly string[] {
    return [...this.#writers.keys()]
  }

  #current(id: string, { producer, epoch }: Identity): [code: number, writer?: Writer] {
    const writer = this.#writers.get(id)
    if (writer === undefined || writer.producer !== producer) return [CODE.INVALID_PRODUCER_ID_MAPPING]
    return writer.epoch === epoch
      ? [CODE.NONE, writer]
      : [this.version === 2 ? CODE.PRODUCER_FENCED : CODE.INVALID_PRODUCER_EPOCH]
  }

  #open(id: string, writer: Writer): void {
    if (writer.state === 'open') return
    writer.state = 'open'
    const transaction = ++this.#transactions
    writer.transaction = transaction
    this.#world.after(writer.timeoutMs, `transaction of ${id} times out`, () => {
      if (writer.state !== 'open' || writer.transaction !== transaction) return
      writer.epoch++
      this.#end(id, writer, false)
    })
  }

  #end(id: string, writer: Writer, isCommit: boolean): void {
    const { producer, epoch, transaction } = writer
    const partitions = [...writer.partitions]
    writer.partitions.clear()
    writer.state = 'ending'
    if (isCommit) this.committedAt.set(transaction, this.#world.now)
    const { random } = this.#world
    const delay = random.chance(this.slowMarkers) ? random.between(50, 3_000) : 2
    let left = partitions.length
    const marked = () => {
      if (--left <= 0) writer.state = 'empty'
    }
    if (left === 0) marked()
    for (const partition of partitions) {
      const label = `${isCommit ? 'commit' : 'abort'} marker of ${id} in ${partition.topic}[${partition.partition}]`
      this.#world.after(random.next() * delay, label, () => {
        partition.mark(producer, epoch, transaction, isCommit, this.#world.now)
        marked()
      })
    }
  }
}
