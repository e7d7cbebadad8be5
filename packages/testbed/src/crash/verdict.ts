import type { Violation } from './laws/violation.js'

/** What came of a scenario. */
export interface Verdict {
  readonly name: string
  readonly violations: readonly Violation[]
  readonly events: number
  readonly outcomes: number
  /** When each task committed, in milliseconds since the epoch. */
  readonly commits: readonly (readonly number[])[]
  /** From the end of the faults until nothing was left to do. */
  readonly drainMs: number
  /** All that is known of what the first violation is about. */
  readonly story: string | undefined
}
