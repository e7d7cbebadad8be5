import type { Totals } from '../join/totals.js'
import type { PipelineMetrics } from './app.js'

/** Totals of a pipeline, as users see them. */
export function toMetrics({ clamped, ...totals }: Totals, oldestWaiterMs: number): PipelineMetrics {
  return {
    ...totals,
    dropped: { ...totals.dropped },
    deadLettered: { ...totals.deadLettered },
    joined: { ...totals.joined },
    unmatched: { ...totals.unmatched },
    clamped,
    oldestWaiterMs,
  }
}
