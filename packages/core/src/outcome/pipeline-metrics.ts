import type { Reason } from '../pipeline/dead-letter.js'
import type { Totals } from './totals.js'

/** What became of a pipeline's records, over all tasks of this instance: `in = emitted + dropped + deadLettered + waiting`. */
export interface PipelineMetrics {
  /** Stream records that were processed, over all time: committed totals go on after a restart. */
  readonly in: number
  /** Records whose result was written. */
  readonly emitted: number
  /** Records that went nowhere, by reason. */
  readonly dropped: Readonly<Partial<Record<Reason, number>>>
  /** Records that went to a dead-letter topic, by reason. */
  readonly deadLettered: Readonly<Partial<Record<Reason, number>>>
  /** Records that wait for their row now. */
  readonly waiting: number
  /** How long the oldest waiting event has waited, in milliseconds; 0 when none waits. */
  readonly oldestWaitMs: number
  /** Of the emitted, by join: with a row. */
  readonly joined: Readonly<Record<string, number>>
  /** Of the emitted, by join: without one. */
  readonly unmatched: Readonly<Record<string, number>>
  /** Outputs whose timestamp lay too far ahead for brokers, and was set to one hour ahead. */
  readonly clamped: number
  /** Of calls: how many were told as in doubt, over all time. How many are now is the gauge `callsInDoubt`. */
  readonly inDoubt?: number
}

/** Totals of a pipeline, as users see them. */
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
