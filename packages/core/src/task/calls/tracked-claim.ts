import type { NewClaim } from '../../call/new-claim.js'
import type { Report } from '../../changelog/report-record.js'

/**
 * The phase of a claim that this process holds.
 *
 * ```text
 *                 the claim is committed          the function has finished
 *   committing ───────────────────────────► running ───────────────────────► ended
 *        │                                                                     ▲
 *        └─────────────────────────────────────────────────────────────────────┘
 *          the claim is released: the task is paused, closed or reopened, or has ended,
 *          or its commit was acknowledged too late
 * ```
 *
 * A claim whose commit failed is dropped. A claim that has `ended` is dropped once its report is in the log.
 */
export type ClaimPhase = 'committing' | 'running' | 'ended'

const NEXT: Readonly<Record<ClaimPhase, readonly ClaimPhase[]>> = {
  committing: ['running', 'ended'],
  running: ['ended'],
  ended: [],
}

/** A claim that this process holds. */
export class TrackedClaim {
  readonly claim: NewClaim
  /** The report to write next. */
  report: Report | undefined
  /** Whether the report is in uncommitted work, and must not be added again. */
  isReportInFlight = false
  /** Whether the call has timed out, and is reported in doubt while its function may still run. */
  isOverdue = false
  #phase: ClaimPhase = 'committing'

  constructor(claim: NewClaim) {
    this.claim = claim
  }

  get phase(): ClaimPhase {
    return this.#phase
  }

  /** @throws Error for a transition that the diagram above does not have: a bug in this library */
  enter(phase: ClaimPhase): void {
    if (!NEXT[this.#phase].includes(phase)) throw new Error(`a claim cannot go from ${this.#phase} to ${phase}`)
    this.#phase = phase
  }
}
