import type { VersionLimits } from '../connection/broker-versions.js'

/** How the requests of a transaction are sent: all of them in one version of the transaction protocol. */
export interface TransactionProtocol {
  readonly initProducerId: VersionLimits
  readonly produce: VersionLimits
  readonly endTxn: VersionLimits
  /** Whether Produce adds its partitions to the transaction, and EndTxn returns a new epoch (KIP-890 part 2). */
  readonly isVersion2: boolean
}

const VERSION_1: TransactionProtocol = {
  initProducerId: {},
  produce: { maxVersion: 11 },
  endTxn: { maxVersion: 4 },
  isVersion2: false,
}
const VERSION_2: TransactionProtocol = {
  initProducerId: { minVersion: 5 },
  produce: { minVersion: 12 },
  endTxn: { minVersion: 5 },
  isVersion2: true,
}

/** @param version the finalized level of `transaction.version`; 0 if there is none */
export const transactionProtocol = (version: number): TransactionProtocol => (version >= 2 ? VERSION_2 : VERSION_1)
