import type { Reason } from '../pipeline/dead-letter.js'

/** Counts by reason. */
export type ReasonCounts = Partial<Record<Reason, number>>

/**
 * What became of a pipeline's records in one task since it exists. Part of the committed state, so that
 * `in = emitted + dropped + deadLettered + waiting` holds at every commit, over crashes too.
 */
export interface Totals {
  in: number
  emitted: number
  waiting: number
  dropped: ReasonCounts
  deadLettered: ReasonCounts
  /** Of the emitted, by join: with a row. */
  joined: Record<string, number>
  /** Of the emitted, by join: without a row. */
  unmatched: Record<string, number>
  /** How many outputs had a timestamp too far ahead, and got one that brokers accept. */
  clamped: number
  /** Of a pipeline of calls: how many were told as in doubt. */
  inDoubt?: number
}

/** Totals of a pipeline that has processed nothing. */
export function newTotals(): Totals {
  return {
    in: 0,
    emitted: 0,
    waiting: 0,
    dropped: {},
    deadLettered: {},
    joined: {},
    unmatched: {},
    clamped: 0,
  }
}

/** A copy that later counting does not change. */
export function copyTotals(totals: Totals): Totals {
  const { dropped, deadLettered, joined, unmatched } = totals
  return {
    ...totals,
    dropped: { ...dropped },
    deadLettered: { ...deadLettered },
    joined: { ...joined },
    unmatched: { ...unmatched },
  }
}

/** Adds to the count of a name; names such as `constructor` are names like any other. */
export function countUp(counts: Partial<Record<string, number>>, name: string, by = 1): void {
  const before: unknown = counts[name]
  counts[name] = typeof before === 'number' ? before + by : by
}

/** Adds `more` to `sum`. */
export function addTotals(sum: Totals, more: Totals): void {
  sum.in += more.in
  sum.emitted += more.emitted
  sum.waiting += more.waiting
  sum.clamped += more.clamped
  if (more.inDoubt !== undefined) sum.inDoubt = (sum.inDoubt ?? 0) + more.inDoubt
  for (const counts of ['dropped', 'deadLettered', 'joined', 'unmatched'] as const) {
    for (const [name, count] of Object.entries(more[counts])) countUp(sum[counts], name, count)
  }
}
