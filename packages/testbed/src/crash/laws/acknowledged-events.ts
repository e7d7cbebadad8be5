import type { History } from '../history.js'
import { type AcknowledgedEvents, ID_HEADER } from '../traffic.js'
import type { Violation } from './violation.js'

/** I2: what was acknowledged to producers is in the log, exactly once. */
export function acknowledgedEvents({ records }: History, { ids: acknowledged }: AcknowledgedEvents): Violation[] {
  return [...acknowledged].flatMap(([topic, ids]) => {
    const times = new Map<number, number>()
    for (const { headers } of records.get(topic) ?? []) {
      const id = Number(headers.find(([name]) => name === ID_HEADER)?.[1])
      times.set(id, (times.get(id) ?? 0) + 1)
    }
    return ids
      .filter((id) => times.get(id) !== 1)
      .map((id) => ({
        law: 'I2 nothing lost',
        text: `event ${id} of ${topic} was acknowledged, but is in the log ${times.get(id) ?? 0} times`,
      }))
  })
}
