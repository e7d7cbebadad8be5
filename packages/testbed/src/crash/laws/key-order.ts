import type { CommittedRecord } from '../committed.js'
import type { History, Outcome } from '../history.js'
import type { Violation } from './violation.js'

/** I5: the outcomes of a key come in the order of its events, even if they wait. Between topics, the order of commits counts. */
export function keyOrder({ service, records, outcomes }: History): Violation[] {
  const violations: Violation[] = []
  for (const { name: topic } of [service.activations, service.orders]) {
    const keys = new Map<string, string>()
    for (const { partition, offset, key } of (records.get(topic) ?? []) as readonly CommittedRecord[])
      if (key !== null) keys.set(`${partition}/${offset}`, key.toString())
    const byKey = new Map<string, Outcome[]>()
    for (const outcome of outcomes) {
      const { topic: of, partition, offset } = outcome.origin
      const key = of === topic ? keys.get(`${partition}/${offset}`) : undefined
      if (key !== undefined) byKey.set(key, [...(byKey.get(key) ?? []), outcome])
    }
    for (const all of byKey.values()) {
      all.sort((a, b) => a.origin.offset - b.origin.offset)
      for (let i = 1; i < all.length; i++) {
        const [a, b] = [all[i - 1] as Outcome, all[i] as Outcome]
        const isOneTopic = a.record.topic === b.record.topic && a.record.partition === b.record.partition
        const isWrong = isOneTopic ? a.record.offset > b.record.offset : (a.step ?? 0) > (b.step ?? 0)
        if (isWrong)
          violations.push({
            law: 'I5 order of a key',
            text: `its outcome precedes that of the event at ${a.origin.offset}`,
            record: b.origin,
          })
      }
    }
  }
  return violations
}
