import type { Violation } from './laws/violation.js'

/** The result of a scenario. */
export interface Verdict {
  readonly name: string
  readonly violations: readonly Violation[]
  readonly events: number
  readonly outcomes: number
  /** When each task committed, in milliseconds since the epoch. */
  readonly commits: readonly (readonly number[])[]
  /** The time from the last fault until everything was processed. */
  readonly drainMs: number
  /** Everything that is known about the first violation. */
  readonly explanation: string | undefined
}
