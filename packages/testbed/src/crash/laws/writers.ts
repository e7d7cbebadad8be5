import type { History } from '../history.js'
import type { Violation } from './violation.js'

/** I14: no transaction is left open, and nothing from an earlier owner follows what a later one wrote. */
export function writers({ service, raw, records, open }: History): Violation[] {
  const law = 'I14 fencing'
  const violations: Violation[] = open.map((transaction) => ({ law, text: `transaction ${transaction} is open` }))
  for (const [topic, partitions] of raw) {
    for (const [partition, batches] of partitions.entries()) {
      const epochs = new Map<number, number>()
      for (const { producerId, epoch, isTransactional, baseOffset } of batches) {
        if (!isTransactional) continue
        if (epoch < (epochs.get(producerId) ?? 0))
          violations.push({ law, text: `epoch ${epoch} of ${producerId} at ${baseOffset} of ${topic}[${partition}]` })
        epochs.set(producerId, epoch)
      }
    }
  }
  // the part of a commit that is in the changelog always includes a POSITION
  const changelog = records.get(`${service.application}-changelog`) ?? []
  const complete = new Set(changelog.filter(({ key }) => key?.[1] === 1).map(({ transaction }) => transaction))
  for (const { transaction, key, partition, offset } of changelog)
    if ((key?.[1] ?? 0) > 1 && !complete.has(transaction))
      violations.push({ law: 'I6 no torn commit', text: `state without a POSITION at ${offset} of task ${partition}` })
  return violations
}
