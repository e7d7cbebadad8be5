import { assertNotPromise } from '../not-promise.js'
import { decodeAndRun, type Rejection, type StepHooks, watchAndRun } from '../outcome/decode-and-run.js'
import type { RecordWatch } from '../outcome/record-watch.js'
import { watchedCallPlan } from '../outcome/watched-plans.js'
import type { CallPlan } from '../pipeline/call-plan.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import { type LogRecord, originOf } from '../record.js'
import { LONE_SURROGATE } from '../serde/utf8.js'
import { defaultCallId } from './call-id.js'

/** The result of the steps before a call. */
export type PreparedCall =
  | { readonly type: 'call'; readonly id: string; readonly value: unknown; readonly info: RecordInfo<unknown> }
  | Rejection

const MAX_ID = 1_024

interface CallRun {
  readonly plan: CallPlan
  readonly record: LogRecord
}

const HOOKS: StepHooks<never, CallRun, PreparedCall> = {
  join: (step) => step, // a pipeline of calls has no joins
  finish(value, info, { plan, record }) {
    try {
      assertNotPromise(value)
      const id = plan.id === undefined ? defaultCallId(record) : assertNotPromise(plan.id(value))
      if (typeof id !== 'string' || id === '' || id.length > MAX_ID || LONE_SURROGATE.test(id))
        throw new TypeError(
          `the id of a call is ${typeof id === 'string' ? JSON.stringify(id.slice(0, 80)) : typeof id}: use 1 to ${MAX_ID} characters`,
        )
      return { type: 'call', id, value, info: { ...info, origin: originOf(record) } }
    } catch (cause) {
      const message = `a function of pipeline ${plan.name} threw before its call`
      return { type: 'fail', failure: { reason: 'function-threw', code: 'FUNCTION_THREW', message, cause } }
    }
  },
}

/**
 * Runs the steps before a call, and gives it an id. It has no effects: it runs again before each attempt.
 *
 * @param watch can reject the record, before functions run for it and after
 * @returns the call to make, or why there is none
 */
export function prepareCall(plan: CallPlan, record: LogRecord, watch?: RecordWatch): PreparedCall {
  if (watch === undefined) return decodeAndRun(plan, HOOKS, { plan, record })
  const running = watchedCallPlan(plan, watch)
  return watchAndRun(running, HOOKS, { plan: running, record }, watch)
}
