import { type PreparedCall, prepareCall } from '../../call/prepare-call.js'
import type { Report } from '../../changelog/report-record.js'
import type { Failure } from '../../outcome/failure.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import type { LogRecord } from '../../record.js'
import type { BlockedRecords, Place } from '../blocked/blocked-records.js'

/** Records prepared between two reads of the clock. */
const CHUNK = 8
/** Milliseconds that functions run before other tasks and timers get their turn, if they are slow. */
const LONGEST_MS = 100

/** Runs the functions of the calls of one task, and finds the records for which they block the event loop. */
export class WatchedCalls {
  readonly #blocked: BlockedRecords | undefined
  readonly #partition: number

  constructor(blocked: BlockedRecords | undefined, partition: number) {
    this.#blocked = blocked
    this.#partition = partition
  }

  /** @returns the first of the records, prepared: all of them, unless functions are slow */
  prepare(plan: CallPlan, records: readonly LogRecord[]): PreparedCall[] {
    const blocked = this.#blocked
    if (blocked === undefined) return records.map((record) => prepareCall(plan, record))
    const place = this.#placeOf(plan)
    const watch = blocked.watchOf(place)
    const prepared: PreparedCall[] = []
    let time = blocked.begin()
    for (const until = time + LONGEST_MS; prepared.length < records.length && time < until; ) {
      const chunk = records.slice(prepared.length, prepared.length + CHUNK)
      for (const record of chunk) prepared.push(prepareCall(plan, record, watch))
      time = blocked.ended(place, (chunk[0] as LogRecord).offset, (chunk.at(-1) as LogRecord).offset)
    }
    return prepared
  }

  /** Runs a function of the pipeline for the call of a record. */
  measured<T>(plan: CallPlan, offset: number, step: string, run: () => T): T {
    return this.#blocked === undefined ? run() : this.#blocked.measured(this.#placeOf(plan), offset, step, run)
  }

  /** Applies a report: the result of a decision is decoded. */
  applied<T>(plan: CallPlan, offset: number, { by }: Report, apply: (failure: Failure | undefined) => T): T {
    const blocked = this.#blocked
    if (blocked === undefined) return apply(undefined)
    if (by !== 'operator') return apply(blocked.failureOf(this.#placeOf(plan), offset))
    const place = { ...this.#placeOf(plan), of: `a decision for pipeline ${plan.name}` }
    return blocked.measured(place, offset, 'the decoder of results', () => apply(blocked.failureOf(place, offset)))
  }

  #placeOf({ name, stream }: CallPlan): Place {
    return { of: `pipeline ${name}`, topic: stream, partition: this.#partition }
  }
}
