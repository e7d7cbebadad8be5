import { type ErrorCode, JoineryError } from '../errors.js'
import type { Rows } from '../outcome/effects.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import type { LogRecord } from '../record.js'
import type { StoredRow } from '../store/stored-row.js'
import { assertNotPromise } from '../synchronous.js'

/** What running the chain says of a record. `'wait'`: it is held at `join`. */
export type Verdict =
  | { readonly does: 'emit'; readonly value: Uint8Array }
  | { readonly does: 'drop'; readonly reason: Reason }
  | { readonly does: 'dead-letter'; readonly topic: string; readonly reason: Reason; readonly table: string }
  | { readonly does: 'wait'; readonly join: JoinPlan }
  | { readonly does: 'fail'; readonly reason: Reason; readonly error: JoineryError }

/** A table record that wakes a key: its row is the one to use. */
export interface Waking {
  readonly table: number
  readonly row: StoredRow
}

/** One pipeline's steps. Running them has no effects: it can be done again with other rows. */
export class JoinChain {
  readonly #plan: PipelinePlan
  /** For each join, how the last run passed it: 1 with a row, 0 without. */
  readonly matched: Uint8Array

  /** What the join at work found. */
  #row: unknown

  constructor(plan: PipelinePlan) {
    this.#plan = plan
    this.matched = new Uint8Array(plan.joins.length)
  }

  /**
   * @param index the record's key in `rows`
   * @param hasExpired whether a join's wait is over for this record
   */
  run(
    record: LogRecord,
    rows: Rows,
    index: number,
    waking: Waking | undefined,
    hasExpired: (join: JoinPlan) => boolean,
  ): Verdict {
    if (record.value === null) return { does: 'drop', reason: 'null-value' }
    const { key, value: decoder, steps, encode } = this.#plan
    let value: unknown
    let info: RecordInfo<unknown>
    try {
      value = decoder.decode(record.value)
      info = {
        key: record.key === null ? null : key.decode(record.key),
        timestamp: record.timestamp,
        headers: record.headers,
        origin: record, // it is one, and this is made for every event
      }
    } catch (cause) {
      return failure(
        'undecodable',
        'DECODE_FAILED',
        `a record of stream ${record.topic} cannot be decoded`,
        cause,
        record,
      )
    }
    const last = steps.at(-1)
    for (const step of steps) {
      try {
        if (step.step === 'mapValues') value = step.map(value, info)
        else if (step.step === 'filter') {
          if (!assertNotPromise(step.test(value, info))) return { does: 'drop', reason: 'filtered' }
        } else {
          const verdict = this.#find(step, record, value, rows, index, waking, hasExpired)
          if (verdict !== undefined) return verdict
          const row = this.#row
          this.matched[step.index] = row === undefined ? 0 : 1
          value = step.joiner(value, row, info)
        }
        // what the last step gives is looked at by the sink's serde
        if (step !== last) assertNotPromise(value)
      } catch (cause) {
        return failure(
          'function-threw',
          'FUNCTION_THREW',
          `a function of pipeline ${this.#plan.name} threw at step ${step.step}`,
          cause,
          record,
        )
      }
    }
    try {
      return { does: 'emit', value: encode.encode(value) }
    } catch (cause) {
      return failure(
        'function-threw',
        'ENCODE_FAILED',
        `a result of pipeline ${this.#plan.name} cannot be encoded for ${this.#plan.sink}`,
        cause,
        record,
      )
    }
  }

  /** Puts the row to join with into `#row`, or answers what to do for want of one. */
  #find(
    join: JoinPlan,
    record: LogRecord,
    value: unknown,
    rows: Rows,
    index: number,
    waking: Waking | undefined,
    hasExpired: (join: JoinPlan) => boolean,
  ): Verdict | undefined {
    this.#row = undefined
    if (record.key === null) return join.kind === 'left' ? undefined : { does: 'drop', reason: 'null-key' }
    const table = this.#plan.tables[join.table] as PipelinePlan['tables'][number]
    const isWaking = waking?.table === join.table
    if (!isWaking && rows.known[join.table] === false) return { does: 'wait', join }
    const stored = isWaking ? waking.row : rows.values[join.table]?.[index]
    const { wait } = join
    let notReady = false
    if (stored !== undefined) {
      let row: unknown
      try {
        row = stored.decode(table.value)
      } catch (cause) {
        // it was decodable when it came in: it was written under another definition of the table
        return failure('undecodable', 'DECODE_FAILED', `a row of table ${table.topic} cannot be decoded`, cause, record)
      }
      if (wait?.ready === undefined || assertNotPromise(wait.ready(row, value))) {
        this.#row = row
        return undefined
      }
      notReady = true
    }
    if (wait !== undefined && !hasExpired(join)) return { does: 'wait', join }
    if (join.kind === 'left') return undefined
    const reason = notReady ? 'not-ready' : 'no-row'
    if (wait?.otherwise === undefined) return { does: 'drop', reason }
    return { does: 'dead-letter', topic: wait.otherwise, reason, table: table.topic }
  }
}

/** A verdict that puts a record aside, or halts. */
export function failure(
  reason: Reason,
  code: ErrorCode,
  message: string,
  cause: unknown,
  { topic, partition, offset }: LogRecord,
): Extract<Verdict, { does: 'fail' }> {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  const error = new JoineryError(
    code,
    `${message}${why} (${topic}[${partition}] at offset ${offset}); set onError: { deadLetter } to put such records aside`,
    { cause, topic, partition, offset },
  )
  return { does: 'fail', reason, error }
}
