import type { NewRecord } from '@joinery/core/log'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimPartition } from '../brokers/sim-partition.js'
import type { ProducerIdAndEpoch } from '../brokers/transaction-state.js'

const TIMEOUT_MS = 60_000

/** A transaction of another application, with a unique transactional id. */
export class ForeignProducer {
  readonly #cluster: SimCluster
  readonly #id: string
  readonly #identity: ProducerIdAndEpoch
  readonly #isVersion2: boolean
  readonly #sequences = new Map<SimPartition, number>()

  constructor(cluster: SimCluster, id: string) {
    this.#cluster = cluster
    this.#id = id
    this.#isVersion2 = cluster.transactions.version === 2
    this.#identity = cluster.transactions.init(id, TIMEOUT_MS).identity as ProducerIdAndEpoch
  }

  write(record: NewRecord): void {
    const { transactions } = this.#cluster
    const partition = this.#cluster.partitionOf(record)
    const sequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, sequence + 1)
    if (!this.#isVersion2) transactions.add(this.#id, this.#identity, [partition])
    transactions.produce(this.#id, partition, { ...this.#identity, sequence, records: [record] }, this.#isVersion2)
  }

  end(isCommit: boolean): void {
    this.#cluster.transactions.end(this.#id, this.#identity, isCommit, this.#isVersion2)
  }
}
