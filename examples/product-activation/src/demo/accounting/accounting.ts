import type { PipelineMetrics } from '@joinery/core'

/** The outcomes of the activations: `in = emitted + dropped + deadLettered + waiting`. */
export interface Accounting {
  readonly in: number
  readonly emitted: number
  readonly dropped: number
  readonly deadLettered: number
  readonly waiting: number
}

/** The figures that the demo counted itself, independently of the library. */
export interface Counted {
  readonly accounting: Accounting
  /** Requests in the REST service's log. */
  readonly calls: number
  /** Records in the topic of results. */
  readonly results: number
  /** Records in the topic of calls in doubt. */
  readonly inDoubt: number
  /** Those in doubt whose activation has a result. */
  readonly resolved: number
  readonly maxCallsPerActivation: number
}

/** The library's own figures in the same terms. */
function accountingOf(metrics: PipelineMetrics): Accounting {
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
 * A run that was interrupted may leave activations waiting, some that service A has not read, and notifications without a
 * call.
 *
 * @returns every disagreement of the figures, as text
 */
export function disagreements(counted: Counted, metrics: PipelineMetrics, interrupted: boolean): string[] {
  const { accounting } = counted
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
      found.push(`${name} is ${accounting[name]} as counted from outside, ${library[name]} in app.metrics()`)
  }
  if (waiting > 0 && !interrupted) found.push(`${waiting} activations still wait although their deadline has passed`)
  return found
}

/**
 * The same for service B's calls. A run that was interrupted may leave notifications without a call, calls without a
 * result, and calls in doubt that were not resolved.
 */
export function callDisagreements(counted: Counted, metrics: PipelineMetrics, interrupted: boolean): string[] {
  const { accounting, calls, results, inDoubt, resolved, maxCallsPerActivation } = counted
  const { emitted } = accounting
  const found: string[] = []
  if (maxCallsPerActivation > 1) found.push(`an activation was called ${maxCallsPerActivation} times`)
  if (interrupted ? calls > emitted : calls !== emitted)
    found.push(`the REST service received ${calls} calls for ${emitted} notifications`)
  const library = accountingOf(metrics)
  if (interrupted ? library.in > emitted : library.in !== emitted)
    found.push(`service B has taken in ${library.in} notifications of ${emitted}`)
  if (library.dropped + library.deadLettered > 0)
    found.push(`service B has dropped ${library.dropped} notifications, and dead-lettered ${library.deadLettered}`)
  const reported = { results: library.emitted, inDoubt: metrics.inDoubt ?? 0 }
  for (const name of ['results', 'inDoubt'] as const) {
    if (counted[name] !== reported[name])
      found.push(`${name} is ${counted[name]} as counted from outside, ${reported[name]} in app.metrics()`)
  }
  if (!interrupted && results !== emitted) found.push(`${results} calls have a result, of ${emitted} notifications`)
  if (!interrupted && resolved !== inDoubt) found.push(`calls still in doubt: ${inDoubt - resolved}`)
  return found
}
