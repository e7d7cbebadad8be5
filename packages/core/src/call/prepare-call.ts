import { failure, type Verdict } from '../join/join-chain.js'
import type { CallPlan } from '../pipeline/call-plan.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import { type LogRecord, originOf } from '../record.js'
import { assertNotPromise } from '../synchronous.js'
import { defaultCallId } from './call-id.js'

/** What stands before a call says of a record. */
export type PreparedCall =
  | { readonly does: 'call'; readonly id: string; readonly value: unknown; readonly info: RecordInfo<unknown> }
  | Extract<Verdict, { does: 'drop' | 'fail' }>

const MAX_ID = 1_024
/** An id with half a character has no UTF-8, and would come back as another one. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** Runs the steps before a call, and names it. Pure: it runs again before each attempt. */
export function prepareCall({ name, key, value: decoder, steps, id: idOf }: CallPlan, record: LogRecord): PreparedCall {
  if (record.value === null) return { does: 'drop', reason: 'null-value' }
  let value: unknown
  let info: RecordInfo<unknown>
  try {
    value = decoder.decode(record.value)
    const { timestamp, headers } = record
    info = { key: record.key === null ? null : key.decode(record.key), timestamp, headers, origin: originOf(record) }
  } catch (cause) {
    return failure(
      'undecodable',
      'DECODE_FAILED',
      `a record of stream ${record.topic} cannot be decoded`,
      cause,
      record,
    )
  }
  try {
    for (const step of steps) {
      if (step.step === 'mapValues') value = assertNotPromise(step.map(value, info))
      else if (!assertNotPromise(step.test(value, info))) return { does: 'drop', reason: 'filtered' }
    }
    const id = idOf === undefined ? defaultCallId(record) : assertNotPromise(idOf(value))
    if (typeof id !== 'string' || id === '' || id.length > MAX_ID || LONE_SURROGATE.test(id))
      throw new TypeError(
        `the id of a call is ${typeof id === 'string' ? JSON.stringify(id.slice(0, 80)) : typeof id}: use 1 to ${MAX_ID} characters`,
      )
    return { does: 'call', id, value, info }
  } catch (cause) {
    return failure(
      'function-threw',
      'FUNCTION_THREW',
      `a function of pipeline ${name} threw before its call`,
      cause,
      record,
    )
  }
}
