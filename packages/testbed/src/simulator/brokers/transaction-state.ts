import type { Random } from '../random.js'
import type { SimTransactions } from '../scenario/transaction-scenario.js'
import type { SimPartition } from './sim-partition.js'

/** A producer id with its epoch. */
export interface ProducerIdAndEpoch {
  readonly producer: bigint
  readonly epoch: number
}

/** The state of a transactional id: no transaction, an open one, or one whose markers are being written. */
export interface TransactionalProducer {
  producer: bigint
  epoch: number
  state: 'empty' | 'open' | 'ending'
  partitions: Set<SimPartition>
  /** The number of the open transaction. */
  transaction: number
  timeoutMs: number
  /** The EndTxn that ended the last transaction, and what followed: it may arrive again. */
  ended: (ProducerIdAndEpoch & { readonly isCommit: boolean; readonly next: ProducerIdAndEpoch }) | undefined
  /** The producer id of the transaction whose markers are being written. */
  ending: bigint
}

/** How markers are written, and producer ids are used up. */
export interface TransactionOptions extends Pick<SimTransactions, 'repeatedMarkerRate' | 'epochs'> {
  /** Chooses the markers that are written twice. */
  readonly random: Random
  /** Whether the leader of a partition can write one now. */
  canWrite(partition: SimPartition): boolean
  /** Whether an abort marker is left out now, although its transaction counts as ended then. */
  skipsAborts(partition: SimPartition): boolean
}
