import type { ProgramStart } from './activation-run.js'
import type { RateMeasurement } from './measure-rate.js'
import type { Violations } from './output-check.js'

/** One run of a benchmark: what was measured, and the figures. */
export interface MeasuredRun
  extends Partial<Omit<RateMeasurement, 'rate' | keyof Violations>>,
    Partial<ProgramStart>,
    Violations {
  /** When it began, as an ISO timestamp. */
  readonly at: string
  readonly benchmark: 'rate' | 'idle' | 'restart'
  readonly program: string
  readonly partitions: number
  readonly rows: number
  readonly rate: number
}
