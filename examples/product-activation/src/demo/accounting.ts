import type { PipelineMetrics } from '@joinery/core'

/** What became of the activations: `in = emitted + dropped + deadLettered + waiting`. */
export interface Accounting {
  readonly in: number
  readonly emitted: number
  readonly dropped: number
  readonly deadLettered: number
  readonly waiting: number
}

/** The figures that the demo counted itself, outside of the library. */
export interface Counted {
  readonly accounting: Accounting
  readonly calls: number
  readonly maxCallsPerActivation: number
}

/** The library's own figures in the same terms. */
export function accountingOf(metrics: PipelineMetrics): Accounting {
  const sum = (reasons: Readonly<Record<string, number>>) => Object.values(reasons).reduce((a, b) => a + b, 0)
  return {
    in: metrics.in,
    emitted: metrics.emitted,
    dropped: sum(metrics.dropped),
    deadLettered: sum(metrics.deadLettered),
    waiting: metrics.waiting,
  }
}

/**
 * All in which the figures disagree, in words; empty if nothing does. A run that was interrupted may leave activations
 * waiting, some that service A has not read, and notifications that service B has not called for.
 */
export function disagreements(counted: Counted, metrics: PipelineMetrics, interrupted: boolean): string[] {
  const { accounting, calls, maxCallsPerActivation } = counted
  const { emitted, dropped, deadLettered, waiting } = accounting
  const found: string[] = []
  const outcomes = emitted + dropped + deadLettered + waiting
  if (accounting.in !== outcomes)
    found.push(
      `in is ${accounting.in}, but emitted ${emitted} + dropped ${dropped} + dead-lettered ${deadLettered} + waiting ${waiting} is ${outcomes}`,
    )
  const library = accountingOf(metrics)
  const unread = interrupted ? Math.max(0, accounting.in - library.in) : 0
  const expected: Accounting = { ...library, in: library.in + unread, waiting: library.waiting + unread }
  for (const name of ['in', 'emitted', 'dropped', 'deadLettered', 'waiting'] as const) {
    if (accounting[name] !== expected[name])
      found.push(`${name} is ${accounting[name]} as counted outside, ${library[name]} in app.metrics()`)
  }
  if (waiting > 0 && !interrupted) found.push(`${waiting} activations still wait although their time is over`)
  if (maxCallsPerActivation > 1) found.push(`an activation was called ${maxCallsPerActivation} times`)
  if (interrupted ? calls > emitted : calls !== emitted)
    found.push(`the REST service received ${calls} calls for ${emitted} notifications`)
  return found
}
