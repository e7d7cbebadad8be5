import type { SimCluster } from '../brokers/sim-cluster.js'
import { APPLICATION } from '../scenario/scenario.js'
import type { Violation } from './violation.js'

const OWNER = 0

/** Law 5: between two OWNER records of a changelog, everything that became visible is of the instance that wrote the first one. */
export function oneOwner(cluster: SimCluster): Violation[] {
  const instanceOf = (producer: bigint | undefined): string => {
    const id = cluster.transactions.idOf.get(producer ?? -1n) ?? ''
    return id.slice(0, id.lastIndexOf('.'))
  }
  return cluster.partitionsOf(`${APPLICATION}-changelog`).flatMap(({ partition, entries }) => {
    let owner: string | undefined
    for (const { record, producer, offset, visibleAt } of entries) {
      if (record === undefined || visibleAt === undefined) continue
      const instance = instanceOf(producer)
      if (record.key?.[1] === OWNER) owner = instance
      else if (instance !== owner) {
        const text = `what ${instance} wrote at ${offset} is visible, and ${owner ?? 'no instance'} is the owner`
        return [{ law: 'law 5 one owner', text, partition }]
      }
    }
    return []
  })
}
