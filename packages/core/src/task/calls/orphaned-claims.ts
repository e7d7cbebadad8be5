import type { Clock } from '../../clock.js'
import type { EndOffset } from '../end-offset.js'
import type { InputPartition } from '../input-partition.js'
import type { ClaimReport } from './call-dispatcher.js'
import type { CallPipeline } from './call-pipeline.js'

/** How long after a call's timeout its claimant may still report the outcome. */
const GRACE_MS = 5_000

/**
 * Claims of former owners without a report. Such a call is in doubt once its timeout and a grace period have passed and
 * every report that was written in that time has been read. The claim itself never times out (law 8).
 */
export class OrphanedClaims {
  readonly #calls: readonly CallPipeline[]
  readonly #reports: InputPartition
  readonly #end: EndOffset
  readonly #clock: Clock

  constructor(calls: readonly CallPipeline[], reports: InputPartition, end: EndOffset, clock: Clock) {
    this.#calls = calls
    this.#reports = reports
    this.#end = end
    this.#clock = clock
  }

  /** Whether no end offset is being requested. */
  get isIdle(): boolean {
    return !this.#end.isPending
  }

  /** The reports for claims that are in doubt now, by pipeline. */
  due(): readonly (readonly [CallPipeline, readonly ClaimReport[]])[] {
    const now = this.#clock.monotonic()
    const time = this.#end.reached(this.#reports.next)
    if (time === undefined) {
      const next = this.#nextGraceEnd()
      if (next !== undefined && next <= now) this.#end.request(now)
      return []
    }
    const why = 'the claimant ended or lost the task without reporting an outcome'
    return this.#calls.map((calls) => [
      calls,
      [...calls.operator.orphanedClaims]
        .filter(([token]) => graceEnds(calls, token) <= time)
        .map(([token, id]) => ({
          id,
          report: { token, outcome: 'in-doubt', by: 'owner', claimantFinished: false, why },
        })),
    ])
  }

  /** When to call {@link due} again even if no report arrives, in monotonic milliseconds. */
  get until(): number | undefined {
    const next = this.#end.requested !== undefined ? undefined : this.#nextGraceEnd()
    return next === undefined ? undefined : Math.max(next, this.#end.retryAt)
  }

  #nextGraceEnd(): number | undefined {
    let next: number | undefined
    for (const calls of this.#calls) {
      for (const token of calls.operator.orphanedClaims.keys()) {
        const ends = graceEnds(calls, token)
        if (next === undefined || ends < next) next = ends
      }
    }
    return next
  }
}

const graceEnds = ({ operator, dispatcher }: CallPipeline, token: string): number =>
  dispatcher.orphanedSince(token) + operator.plan.timeoutMs + GRACE_MS
