import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from './violation.js'

/** I14: no transaction is left open, and in no partition does the epoch of a producer go back. */
export function fencing(cluster: SimCluster): Violation[] {
  return cluster.partitions.flatMap(
    ({ topic, partition, entries, highWatermark: end, lastStableOffset: stableEnd }) => {
      const violations: Violation[] = []
      const law = 'I14 fencing'
      if (end !== stableEnd)
        violations.push({ law, text: `${topic} is stable up to ${stableEnd} of ${end}`, partition })
      const epochs = new Map<bigint, number>()
      for (const { producer, epoch, offset } of entries) {
        if (producer === undefined) continue
        const before = epochs.get(producer) ?? 0
        if (epoch < before)
          violations.push({ law, text: `${topic}@${offset} has epoch ${epoch} after ${before}`, partition })
        epochs.set(producer, Math.max(epoch, before))
      }
      return violations
    },
  )
}
