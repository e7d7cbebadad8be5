import { MAX_WAITERS } from '../service.js'
import { SECRET } from '../traffic.js'
import type { WorkerProcess } from '../worker/worker-process.js'
import type { Violation } from './violation.js'

/** I12: the bounds of the gauges that workers report. */
const boundsOf = (partitions: number): Readonly<Record<string, number>> => ({
  rss: 512 * 2 ** 20,
  waitingRecords: 2 * partitions * MAX_WAITERS,
  uncommittedBytes: partitions * 9 * 2 ** 20,
  prefetchedBytes: 64 * 2 ** 20,
})

/** I12 and I18: the resources that workers used, and their output. */
export function hygiene(workers: readonly WorkerProcess[], partitions: number): Violation[] {
  return workers.flatMap(({ name, lines, errors, peak }) => {
    const found: Violation[] = []
    const leak = [...lines, errors].find((line) => line.includes(SECRET))
    if (leak !== undefined)
      found.push({ law: 'I18 no bytes of records in logs', text: `${name} wrote ${leak.slice(0, 500)}` })
    if (errors.includes('unhandled rejection'))
      found.push({ law: 'I18 no unhandled rejection', text: `${name}: ${errors}` })
    for (const [gauge, bound] of Object.entries(boundsOf(partitions))) {
      const peakValue = peak[gauge] ?? 0
      if (peakValue > bound)
        found.push({ law: 'I12 bounded memory', text: `${gauge} of ${name} was ${peakValue}, more than ${bound}` })
    }
    return found
  })
}
