import type { StoredInDoubtCall } from '../changelog/call-record.js'
import type { Report } from '../changelog/report-record.js'
import type { CallEffects } from '../outcome/effects.js'
import type { Failure } from '../outcome/failure.js'
import type { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import type { Totals } from '../outcome/totals.js'
import type { CallPlan } from '../pipeline/call-plan.js'
import type { LogRecord } from '../record.js'
import { inDoubtHeaders } from './in-doubt-headers.js'
import { resultProblem } from './result-problem.js'

/** Writes the results of calls, and publishes those in doubt. */
export class CallResults {
  readonly #plan: CallPlan
  readonly #outcomes: OutcomeRecorder
  readonly #totals: Pick<Totals, 'emitted'>

  constructor(plan: CallPlan, outcomes: OutcomeRecorder, totals: Pick<Totals, 'emitted'>) {
    this.#plan = plan
    this.#outcomes = outcomes
    this.#totals = totals
  }

  /**
   * Writes the result of a call, if the pipeline has a sink.
   *
   * @param failure why the result of a decision must not be decoded
   * @returns why it cannot be written
   */
  emit({ by, result }: Report, record: LogRecord, effects: CallEffects, failure?: Failure): string | undefined {
    const { sink } = this.#plan
    const isDecided = by === 'person' && sink && result
    const problem = isDecided ? (failure?.message ?? resultProblem(sink, result)) : undefined
    if (problem !== undefined) return problem
    if (sink === undefined) this.#totals.emitted++
    else if (result === undefined) return `there is no result for ${sink.topic}`
    else return this.#outcomes.emit(effects, sink.topic, record, result)?.message
    return undefined
  }

  /** @throws RecordError if the topic does not accept even a shortened record */
  publish(id: string, call: StoredInDoubtCall, now: number, effects: CallEffects): void {
    const cause = { ageMs: now - call.arrival, message: call.why, headers: inDoubtHeaders(id, call) }
    this.#outcomes.inDoubt(effects, this.#plan.inDoubt, call.record, cause)
  }
}
