import type { Effects } from '../outcome/effects.js'
import type { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { countUp, type Totals } from '../outcome/totals.js'
import type { PipelinePlan } from '../pipeline/plan.js'
import type { LogRecord } from '../record.js'
import type { JoinOutcome } from './join-chain.js'

/** Where the outcomes of one pipeline are written and counted. */
export interface OutcomeDestination {
  readonly plan: PipelinePlan
  readonly totals: Totals
  readonly outcomes: OutcomeRecorder
}

/**
 * Writes and counts the outcome of an event.
 *
 * @param ageMs how long it has waited
 * @throws RecordError if it halts the application
 */
export function recordOutcome(
  { plan, totals, outcomes }: OutcomeDestination,
  record: LogRecord,
  result: JoinOutcome,
  ageMs: number,
  effects: Effects,
): void {
  if (result.type === 'emit') {
    const { value, matched } = result
    const failure = outcomes.emit(effects, plan.sink, record, value)
    if (failure === undefined) {
      for (const { index, name } of plan.joins) countUp(matched[index] === 1 ? totals.joined : totals.unmatched, name)
    } else outcomes.handleFailure(effects, record, failure, ageMs)
  } else if (result.type === 'drop') outcomes.drop(effects, record, result.reason)
  else if (result.type === 'fail') outcomes.handleFailure(effects, record, result.failure, ageMs)
  else {
    const { topic, reason, table } = result
    outcomes.deadLetter(effects, topic, record, { reason, ageMs, table })
  }
}
