import { assertNotPromise } from '../not-promise.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { FilterStep, MapStep } from '../pipeline/description.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import type { LogRecord } from '../record.js'
import type { Decoder } from '../serde/serde.js'
import type { Failure } from './failure.js'

/** A record whose steps end early, with an outcome that needs nothing else. */
export type Rejection =
  | { readonly type: 'drop'; readonly reason: Reason }
  | { readonly type: 'fail'; readonly failure: Failure }

/** A plan, as far as its steps are concerned. `J`: its joins; `never` if it has none. */
export interface StepsPlan<J> {
  readonly name: string
  readonly stream: string
  readonly key: Decoder<unknown>
  readonly value: Decoder<unknown>
  readonly steps: readonly (FilterStep | MapStep | J)[]
}

/** What an operator adds to filters and maps. `R`: its own data on the run; `V`: what it makes of the last value. */
export interface StepHooks<J, R, V> {
  /**
   * Runs a join.
   *
   * @returns the value for the next step, or a {@link Stop}
   */
  join(step: J, value: unknown, info: RecordInfo<unknown>, run: R): unknown
  /** Makes something of the last value. Whether that is a promise has not been checked: a serde that encodes it does. */
  finish(value: unknown, info: RecordInfo<unknown>, run: R): V
}

/** Ends a run at a join. A class of its own, because a user's value can be anything else. */
export class Stop<V> {
  readonly verdict: V

  constructor(verdict: V) {
    this.verdict = verdict
  }
}

const NULL_VALUE: Rejection = { type: 'drop', reason: 'null-value' }
const FILTERED: Rejection = { type: 'drop', reason: 'filtered' }

/**
 * Decodes a record and runs the steps of its pipeline. It has no effects, so it can be repeated: with other rows, or before
 * another attempt.
 *
 * @param run handed to the hooks as it is
 * @returns what `finish` or a join's {@link Stop} says, unless the record is rejected before
 */
export function decodeAndRun<J extends { readonly type: 'join' }, R extends { readonly record: LogRecord }, V>(
  plan: StepsPlan<J>,
  hooks: StepHooks<J, R, V>,
  run: R,
): V | Rejection {
  const { record } = run
  if (record.value === null) return NULL_VALUE
  const { key, value: decoder, steps } = plan
  let value: unknown
  let info: RecordInfo<unknown>
  try {
    value = decoder.decode(record.value)
    info = {
      key: record.key === null ? null : key.decode(record.key),
      timestamp: record.timestamp,
      headers: record.headers,
      origin: record, // a record has all that an origin has; a copy for every event would cost time
    }
  } catch (cause) {
    return fail({
      reason: 'undecodable',
      code: 'DECODE_FAILED',
      message: `a record of stream ${plan.stream} cannot be decoded`,
      cause,
    })
  }
  const last = steps.at(-1)
  for (const step of steps) {
    try {
      if (step.type === 'mapValues') value = step.map(value, info)
      else if (step.type === 'filter') {
        if (!assertNotPromise(step.test(value, info))) return FILTERED
      } else {
        value = hooks.join(step, value, info, run)
        if (value instanceof Stop) return value.verdict as V
      }
      if (step !== last) assertNotPromise(value)
    } catch (cause) {
      return fail({
        reason: 'function-threw',
        code: 'FUNCTION_THREW',
        message: `a function of pipeline ${plan.name} threw at step ${step.type}`,
        cause,
      })
    }
  }
  return hooks.finish(value, info, run)
}

const fail = (failure: Failure): Rejection => ({ type: 'fail', failure })
