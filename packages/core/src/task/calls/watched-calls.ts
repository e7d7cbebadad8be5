import { type PreparedCall, prepareCall } from '../../call/prepare-call.js'
import type { Report } from '../../changelog/report-record.js'
import type { Failure } from '../../outcome/failure.js'
import type { RecordWatch } from '../../outcome/record-watch.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import type { LogRecord } from '../../record.js'
import { type BlockedRecords, LONGEST_SLICE_MS, type Place } from '../blocked/blocked-records.js'

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
    const { place, watch } = this.#watching(blocked, plan)
    const size = blocked.chunkOf(place)
    const prepared: PreparedCall[] = []
    let time = blocked.begin()
    for (const until = time + LONGEST_SLICE_MS; prepared.length < records.length && time < until; ) {
      const chunk = records.slice(prepared.length, prepared.length + size.next())
      for (const record of chunk) prepared.push(prepareCall(plan, record, watch))
      time = blocked.ended(place, (chunk[0] as LogRecord).offset, (chunk.at(-1) as LogRecord).offset)
    }
    return prepared
  }

  /** @returns what prepares records one by one; it returns `undefined` once functions have run for so long that others need a turn */
  preparing(plan: CallPlan): (record: LogRecord) => PreparedCall | undefined {
    const blocked = this.#blocked
    if (blocked === undefined) return (record) => prepareCall(plan, record)
    const { place, watch } = this.#watching(blocked, plan)
    let time = blocked.begin()
    const until = time + LONGEST_SLICE_MS
    return (record) => {
      if (time >= until) return undefined
      const prepared = prepareCall(plan, record, watch)
      time = blocked.ended(place, record.offset, record.offset)
      return prepared
    }
  }

  /** Lets the event loop run, if functions have run for long. */
  pauseIfDue(): Promise<void> | undefined {
    return this.#blocked?.pauseIfDue()
  }

  /** Runs a function of the pipeline for the call of a record. */
  measured<T>(plan: CallPlan, offset: number, step: string, run: () => T): T {
    return this.#blocked === undefined ? run() : this.#blocked.measured(this.#placeOf(plan), offset, step, run)
  }

  /** Applies a report: the result of a decision is decoded. */
  applied<T>(plan: CallPlan, offset: number, { by }: Report, apply: (failure: Failure | undefined) => T): T {
    const blocked = this.#blocked
    if (blocked === undefined) return apply(undefined)
    if (by !== 'person') return apply(blocked.failureOf(this.#placeOf(plan), offset))
    const place = { ...this.#placeOf(plan), of: `a decision for pipeline ${plan.name}` }
    return blocked.measured(place, offset, 'the decoder of results', () => apply(blocked.failureOf(place, offset)))
  }

  #watching(
    blocked: BlockedRecords,
    plan: CallPlan,
  ): { readonly place: Place; readonly watch: RecordWatch | undefined } {
    const place = this.#placeOf(plan)
    const watch = blocked.watchOf(place)
    return { place, watch }
  }

  #placeOf({ name, stream }: CallPlan): Place {
    return { of: `pipeline ${name}`, topic: stream, partition: this.#partition }
  }
}
