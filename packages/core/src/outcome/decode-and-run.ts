import { assertNotPromise } from '../not-promise.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { FilterStep, MapStep } from '../pipeline/description.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import type { LogRecord } from '../record.js'
import type { Decoder } from '../serde/serde.js'
import { decoded } from '../serde/serde-result.js'
import type { Failure } from './failure.js'
import type { RecordWatch } from './record-watch.js'

/** An outcome that ends a record's steps early, whatever rows there are. */
export type Rejection =
  | { readonly type: 'drop'; readonly reason: Reason }
  | { readonly type: 'fail'; readonly failure: Failure }

/** The part of a plan that is needed to run its steps. `J`: the joins; `never` if there are none. */
export interface StepsPlan<J> {
  readonly name: string
  readonly stream: string
  readonly key: Decoder<unknown>
  readonly value: Decoder<unknown>
  readonly steps: readonly (FilterStep | MapStep | J)[]
}

/** The parts of a run that differ between operators. `I`: the input of a run, with their own data; `V`: its result. */
export interface StepHooks<J, I, V> {
  /**
   * Runs a join.
   *
   * @returns the value for the next step, or a {@link Stop}
   */
  join(step: J, value: unknown, info: RecordInfo<unknown>, input: I): unknown
  /**
   * Turns the last value into the result of the run. The value has not been checked for a promise: a serde that encodes
   * it does that.
   */
  finish(value: unknown, info: RecordInfo<unknown>, input: I): V
}

/** Ends a run at a join. It is a class, so that no value of a user function can be mistaken for it. */
export class Stop<V> {
  readonly result: V

  constructor(result: V) {
    this.result = result
  }
}

const NULL_VALUE: Rejection = { type: 'drop', reason: 'null-value' }
const FILTERED: Rejection = { type: 'drop', reason: 'filtered' }

/**
 * Decodes a record and runs the steps of its pipeline. It has no effects, so it can be repeated: with other rows, or
 * before another attempt.
 *
 * @param input passed to the hooks unchanged
 * @returns the result of `finish` or of a join's {@link Stop}, or a rejection
 */
export function decodeAndRun<
  J extends { readonly type: 'join'; readonly name: string },
  I extends { readonly record: LogRecord },
  V,
>(plan: StepsPlan<J>, hooks: StepHooks<J, I, V>, input: I): V | Rejection {
  const { record } = input
  if (record.value === null) return NULL_VALUE
  const { key, value: decoder, steps } = plan
  let value: unknown
  let info: RecordInfo<unknown>
  let part = 'value'
  try {
    value = decoded(decoder.decode(record.value))
    part = 'key'
    info = {
      key: record.key === null ? null : decoded(key.decode(record.key)),
      timestamp: record.timestamp,
      headers: record.headers,
      origin: record, // a record has all fields of an origin: this saves a copy for each event
    }
  } catch (cause) {
    return fail({
      reason: 'undecodable',
      code: 'DECODE_FAILED',
      message: `the ${part} of a record of stream ${plan.stream} cannot be decoded`,
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
        value = hooks.join(step, value, info, input)
        if (value instanceof Stop) return value.result as V
      }
      if (step !== last) assertNotPromise(value)
    } catch (cause) {
      return fail({
        reason: 'function-threw',
        code: 'FUNCTION_THREW',
        message: `${step.type === 'join' ? `the joiner of join ${step.name}` : `the function of ${step.type}`} in pipeline ${plan.name} threw`,
        cause,
      })
    }
  }
  return hooks.finish(value, info, input)
}

/**
 * Runs a record like {@link decodeAndRun}, unless its watch rejects it.
 *
 * @param plan the plan whose functions report to the watch
 * @param watch can reject the record, before functions run for it and after
 */
export function watchAndRun<
  J extends { readonly type: 'join'; readonly name: string },
  I extends { readonly record: LogRecord },
  V,
>(plan: StepsPlan<J>, hooks: StepHooks<J, I, V>, input: I, watch: RecordWatch): V | Rejection {
  const rejected = watch.rejects(input.record)
  if (rejected !== undefined) return fail(rejected)
  const result = decodeAndRun(plan, hooks, input)
  const failure = watch.finished(input.record)
  return failure === undefined ? result : fail(failure)
}

const fail = (failure: Failure): Rejection => ({ type: 'fail', failure })
