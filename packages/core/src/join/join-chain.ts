import { assertNotPromise } from '../not-promise.js'
import { decodeAndRun, type Rejection, type StepHooks, Stop, watchAndRun } from '../outcome/decode-and-run.js'
import type { Rows } from '../outcome/effects.js'
import type { RecordWatch } from '../outcome/record-watch.js'
import { watchedPlan } from '../outcome/watched-plans.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { JoinPlan, PipelinePlan, TablePlan } from '../pipeline/plan.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import type { LogRecord } from '../record.js'
import { encodedValue } from '../serde/serde-result.js'
import type { StoredRow } from '../store/stored-row.js'
import type { WaitDeadlines } from './wait-deadlines.js'

/** The result of running the chain for a record. */
export type JoinResult =
  | Rejection
  | {
      readonly type: 'emit'
      /** `null`: a tombstone. */
      readonly value: Uint8Array | null
      /** By join: 1 if it found a row, else 0. The array is reused: it is valid until the next run. */
      readonly matched: Uint8Array
    }
  | { readonly type: 'dead-letter'; readonly topic: string; readonly reason: Reason; readonly table: string }
  | { readonly type: 'wait'; readonly join: JoinPlan }

/** A result with which the event does not wait. */
export type JoinOutcome = Exclude<JoinResult, { readonly type: 'wait' }>

/**
 * A record and the rows that it is joined with. One object is reused for many records, to save allocations.
 */
export interface JoinInput {
  record: LogRecord
  readonly rows: Rows
  /** The index of the record's key in `rows`. */
  index: number
  /** When the record was first processed. */
  arrival: number
  /** The row that has just been read and wakes the events with its key; `undefined` if there is none. */
  readonly wakingRow: StoredRow | undefined
  /** The table of that row. */
  readonly wakingTable: number
}

/** The offsets of the events for which functions have run since the caller cleared `first`. */
export interface EvaluatedOffsets {
  first: number | undefined
  last: number
}

const NULL_KEY = new Stop<JoinResult>({ type: 'drop', reason: 'null-key' })

/** The steps of one pipeline. Running them has no effects: it can be repeated with other rows. */
export class JoinChain implements StepHooks<JoinPlan, JoinInput, JoinResult> {
  readonly #plan: PipelinePlan
  /** The plan of the current run. If there is a watch, its functions report to it. */
  #running: PipelinePlan
  #watched: { readonly watch: RecordWatch; readonly plan: PipelinePlan } | undefined
  readonly #deadlines: Pick<WaitDeadlines, 'hasPassed'>
  readonly #matched: Uint8Array
  readonly evaluated: EvaluatedOffsets = { first: undefined, last: 0 }
  /** Results by join, created once: the event waits; it has no row; `wait.ready` has not accepted its row. */
  readonly #waits: readonly Stop<JoinResult>[]
  readonly #noRow: readonly Stop<JoinResult>[]
  readonly #notReady: readonly Stop<JoinResult>[]

  constructor(plan: PipelinePlan, deadlines: Pick<WaitDeadlines, 'hasPassed'>) {
    this.#plan = plan
    this.#running = plan
    this.#deadlines = deadlines
    this.#matched = new Uint8Array(plan.joins.length)
    this.#waits = plan.joins.map((join) => new Stop({ type: 'wait', join }))
    this.#noRow = plan.joins.map((join) => unmatched(plan, join, 'no-row'))
    this.#notReady = plan.joins.map((join) => unmatched(plan, join, 'not-ready'))
  }

  /** @param watch can reject an event, before functions run for it and after */
  run(input: JoinInput, watch?: RecordWatch): JoinResult {
    const { evaluated } = this
    evaluated.first ??= input.record.offset
    evaluated.last = input.record.offset
    if (watch === undefined) return decodeAndRun(this.#plan, this, input)
    if (this.#watched?.watch !== watch) this.#watched = { watch, plan: watchedPlan(this.#plan, watch) }
    this.#running = this.#watched.plan
    const result = watchAndRun(this.#running, this, input, watch)
    this.#running = this.#plan
    return result
  }

  join(join: JoinPlan, value: unknown, info: RecordInfo<unknown>, input: JoinInput): unknown {
    const { rows, wakingRow } = input
    this.#matched[join.index] = 0
    if (input.record.key === null) return join.kind === 'left' ? join.joiner(value, undefined, info) : NULL_KEY
    const isWaking = wakingRow !== undefined && input.wakingTable === join.table
    if (!isWaking && rows.caughtUp[join.table] === false) return this.#waits[join.index]
    const { wait } = join
    const stored = isWaking ? wakingRow : rows.values[join.table]?.[input.index]
    if (stored !== undefined) {
      const table = this.#running.tables[join.table] as TablePlan
      let row: unknown
      try {
        row = stored.decode(table.value)
      } catch (cause) {
        // the row could be decoded when it was stored: the table has another serde now
        return undecodableRow(table, cause)
      }
      let isReady = true
      try {
        if (wait?.ready !== undefined) isReady = assertNotPromise(wait.ready(row, value))
      } catch (cause) {
        return readyThrew(this.#plan, join, cause)
      }
      if (isReady) {
        this.#matched[join.index] = row === undefined ? 0 : 1
        return join.joiner(value, row, info)
      }
    }
    if (wait !== undefined && !this.#deadlines.hasPassed(join, input.arrival)) return this.#waits[join.index]
    if (join.kind === 'left') return join.joiner(value, undefined, info)
    return (stored === undefined ? this.#noRow : this.#notReady)[join.index]
  }

  finish(value: unknown): JoinResult {
    const { name, sink, encode } = this.#running
    try {
      return { type: 'emit', value: encodedValue(encode.encode(value)), matched: this.#matched }
    } catch (cause) {
      const message = `a result of pipeline ${name} cannot be encoded as a value of ${sink}`
      return { type: 'fail', failure: { reason: 'function-threw', code: 'ENCODE_FAILED', message, cause } }
    }
  }
}

function unmatched({ tables }: PipelinePlan, { wait, table }: JoinPlan, reason: Reason): Stop<JoinResult> {
  if (wait?.otherwise === undefined) return new Stop({ type: 'drop', reason })
  return new Stop({ type: 'dead-letter', topic: wait.otherwise, reason, table: (tables[table] as TablePlan).topic })
}

function readyThrew({ name: pipeline }: PipelinePlan, { name }: JoinPlan, cause: unknown): Stop<JoinResult> {
  const message = `wait.ready of join ${name} in pipeline ${pipeline} threw`
  return new Stop({ type: 'fail', failure: { reason: 'function-threw', code: 'FUNCTION_THREW', message, cause } })
}

function undecodableRow({ topic }: TablePlan, cause: unknown): Stop<JoinResult> {
  const message = `a row of table ${topic} cannot be decoded`
  return new Stop({ type: 'fail', failure: { reason: 'undecodable', code: 'DECODE_FAILED', message, cause } })
}

/** @returns the input of one run, which the caller changes for the next one */
export function newInput(
  record: LogRecord,
  rows: Rows,
  index: number,
  wakingTable = -1,
  wakingRow?: StoredRow,
): JoinInput {
  return { record, rows, index, arrival: 0, wakingRow, wakingTable }
}
