import type { Reason } from '../pipeline/dead-letter.js'

/** Counts by reason. */
export type ReasonCounts = Partial<Record<Reason, number>>

/**
 * The outcomes of a pipeline's records in one task, since the task was created. Part of the committed state, so that
 * `in = emitted + dropped + deadLettered + waiting` holds at every commit, even across crashes.
 */
export interface Totals {
  in: number
  emitted: number
  waiting: number
  dropped: ReasonCounts
  deadLettered: ReasonCounts
  /** How many were emitted with a row, by join. */
  joined: Record<string, number>
  /** How many were emitted without a row, by join. */
  unmatched: Record<string, number>
  /** How many outputs had their timestamp clamped: it was too far ahead, and was lowered to one that brokers accept. */
  clamped: number
  /** How many outputs were older than their topic keeps records, by topic. Left out if none was. */
  olderThanRetention?: Record<string, number>
  /** How many calls were published as in doubt. */
  inDoubt?: number
}

/** @returns the totals of a pipeline that has processed nothing */
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

/** @returns a copy that later counting does not change */
export function copyTotals(totals: Totals): Totals {
  const { dropped, deadLettered, joined, unmatched, olderThanRetention } = totals
  return {
    ...totals,
    ...(olderThanRetention && { olderThanRetention: { ...olderThanRetention } }),
    dropped: { ...dropped },
    deadLettered: { ...deadLettered },
    joined: { ...joined },
    unmatched: { ...unmatched },
  }
}

/** Adds to the count of a name. A name such as `constructor` is counted like any other. */
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
  for (const [topic, count] of Object.entries(more.olderThanRetention ?? {})) {
    sum.olderThanRetention ??= {}
    countUp(sum.olderThanRetention, topic, count)
  }
  for (const counts of ['dropped', 'deadLettered', 'joined', 'unmatched'] as const) {
    for (const [name, count] of Object.entries(more[counts])) countUp(sum[counts], name, count)
  }
}
