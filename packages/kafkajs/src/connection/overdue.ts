import type { Clock, Timer } from '@joinery/core'

/** When a response is overdue: then another broker may have taken over. */
export const OVERDUE_MS = 1_000

/** Calls `report` each second until `work` settles. Its outcome does not matter. */
export function reportWhileOverdue(clock: Clock, work: Promise<unknown>, report: () => void): void {
  let timer: Timer
  const wait = (): void => {
    timer = clock.setTimeout(() => {
      wait()
      report()
    }, OVERDUE_MS)
  }
  wait()
  const end = () => timer.cancel()
  work.then(end, end)
}
