import { MAX_WAITERS } from '../service.js'
import { SECRET } from '../traffic.js'
import type { WorkerProcess } from '../worker/worker-process.js'
import type { Violation } from './violation.js'

/** I12, each as a worker reports it. */
const capsOf = (partitions: number): Readonly<Record<string, number>> => ({
  rss: 512 * 2 ** 20,
  waitingRecords: 2 * partitions * MAX_WAITERS,
  uncommittedBytes: partitions * 9 * 2 ** 20,
  prefetchedBytes: 64 * 2 ** 20,
})

/** I12 and I18: what workers used and said while they ran. */
export function hygiene(workers: readonly WorkerProcess[], partitions: number): Violation[] {
  return workers.flatMap(({ name, lines, errors, peak }) => {
    const found: Violation[] = []
    const leak = [...lines, errors].find((line) => line.includes(SECRET))
    if (leak !== undefined)
      found.push({ law: 'I18 no bytes of records in logs', text: `${name} says ${leak.slice(0, 500)}` })
    if (errors.includes('unhandled rejection'))
      found.push({ law: 'I18 no unhandled rejection', text: `${name}: ${errors}` })
    for (const [gauge, cap] of Object.entries(capsOf(partitions))) {
      const most = peak[gauge] ?? 0
      if (most > cap)
        found.push({ law: 'I12 bounded memory', text: `${gauge} of ${name} was ${most}, more than ${cap}` })
    }
    return found
  })
}
