import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Instance } from '../machines/instance.js'
import { APPLICATION } from '../scenario/scenario.js'

/**
 * An operator ends hanging transactions, whose markers were skipped, by `kafka-transactions.sh abort`: those of producer ids that
 * have expired, and those in outputs whose instance is gone, because it was killed or closed before it could end them. Living instances end theirs, and owners
 * end what holds up a changelog.
 */
export function endHangingTransactions(cluster: SimCluster, instances: readonly Instance[]): void {
  const { transactions, eventLoop } = cluster
  for (const partition of cluster.partitions) {
    for (const { producer = -1n, epoch, transaction = -1 } of partition.openEntries) {
      const id = transactions.idOf.get(producer) ?? ''
      const state = transactions.stateOf(producer)
      const isAlive = instances.some(
        ({ process }) => process?.isAlive && id.startsWith(`${APPLICATION}-${process.name}.`),
      )
      const isEndedByOwner = partition.topic === `${APPLICATION}-changelog` || isAlive
      if (state === 'open' || state === 'ending' || (state === 'empty' && isEndedByOwner)) continue
      eventLoop.note(`an operator ends the hanging transaction of ${id} in ${partition.topic}[${partition.partition}]`)
      partition.endTransaction(producer, epoch, transaction, false, eventLoop.now)
    }
  }
}
