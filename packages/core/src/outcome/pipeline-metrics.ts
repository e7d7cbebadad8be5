import type { Reason } from '../pipeline/dead-letter.js'
import type { Totals } from './totals.js'

/** The outcomes of a pipeline's records, over all tasks of this instance: `in = emitted + dropped + deadLettered + waiting`. */
export interface PipelineMetrics {
  /** Stream records that were processed, over all time: a restart does not reset committed totals. */
  readonly in: number
  /** Records whose result was written. */
  readonly emitted: number
  /** Records that were dropped, by reason. */
  readonly dropped: Readonly<Partial<Record<Reason, number>>>
  /** Records that were written to a dead-letter topic, by reason. */
  readonly deadLettered: Readonly<Partial<Record<Reason, number>>>
  /** Records that are waiting now: for their row, or for their call. */
  readonly waiting: number
  /** The age of the oldest waiting event, in milliseconds; 0 if none is waiting. */
  readonly oldestWaitMs: number
  /** Records that were emitted with a row, by join. */
  readonly joined: Readonly<Record<string, number>>
  /** Records that were emitted without a row, by join. */
  readonly unmatched: Readonly<Record<string, number>>
  /** Outputs whose timestamp was clamped: it was too far ahead for brokers, and was set to one hour ahead. */
  readonly clamped: number
  /**
   * Outputs and dead letters of the stream that were older than their topic's `retention.ms` when they were written, by
   * topic: brokers delete them immediately. Left out if there were none.
   */
  readonly olderThanRetention?: Readonly<Record<string, number>>
  /**
   * Calls that were published as in doubt, over all time. The gauge `callsInDoubt` counts those that are in doubt now.
   */
  readonly inDoubt?: number
}

/** @returns the totals of a pipeline as public metrics */
export function toMetrics({ clamped, ...totals }: Totals, oldestWaitMs: number): PipelineMetrics {
  return {
    ...totals,
    dropped: { ...totals.dropped },
    deadLettered: { ...totals.deadLettered },
    joined: { ...totals.joined },
    unmatched: { ...totals.unmatched },
    clamped,
    oldestWaitMs,
  }
}
