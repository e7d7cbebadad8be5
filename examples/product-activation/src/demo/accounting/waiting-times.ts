import type { Ledger } from './ledger.js'

/** Times from the sending of an activation to the reading of its notification, in whole milliseconds; 0 if there was none. */
export interface WaitingTimes {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/**
 * The times of some activations.
 *
 * @param wasKnown those whose information had been sent before them, or those that had to wait for it
 */
export function waitingTimes(ledger: Ledger, wasKnown: boolean): WaitingTimes {
  const times: number[] = []
  for (const sent of ledger.activations.values()) {
    if (sent.wasKnown === wasKnown && sent.outcome?.what === 'notified') times.push(sent.outcome.atMs - sent.sentAtMs)
  }
  times.sort((a, b) => a - b)
  return {
    count: times.length,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    maxMs: percentile(times, 1),
  }
}

/** The nearest-rank percentile. */
function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0)
}
