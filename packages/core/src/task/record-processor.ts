import { failpoint } from '@joinery/failpoint'
import type { JoinOperator } from '../join/join-operator.js'
import type { Rows } from '../outcome/effects.js'
import { RecordError } from '../outcome/record-error.js'
import type { LogRecord } from '../record.js'
import type { BlockedRecords, Place } from './blocked/blocked-records.js'
import type { UncommittedWork } from './commit/uncommitted-work.js'
import type { JoinPipeline, JoinTable } from './join-pipeline.js'
import { RowWriter, type RowWriterOptions } from './row-writer.js'
import { readRows } from './stores/read-rows.js'

/** Options of {@link RecordProcessor}. */
export interface RecordProcessorOptions extends RowWriterOptions {
  readonly partition: number
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  /** Finds the records for which functions block the event loop. */
  readonly blocked?: BlockedRecords
}

/** Records processed between two reads of the clock. */
const CHUNK = 8
/** Milliseconds that functions run before other tasks and timers get their turn, if they are slow. */
const LONGEST_MS = 100

/** Passes records of streams and tables to the joins of their pipelines, with the rows that they need. */
export class RecordProcessor {
  readonly #options: RecordProcessorOptions
  readonly #rows: RowWriter

  constructor(options: RecordProcessorOptions) {
    this.#options = options
    this.#rows = new RowWriter(options)
  }

  /**
   * @returns the number of records consumed: not all, if the wait buffer is full, or if the next record halts the application
   * @throws RecordError if the first record halts the application; it has had no effect then
   */
  async stream(
    { operator, tables }: JoinPipeline,
    records: readonly LogRecord[],
    work: UncommittedWork,
  ): Promise<number> {
    const keys = records.map(({ key }) => key ?? NO_KEY)
    const rows = await readRows(tables, keys, work.batches)
    const { blocked, now } = this.#options
    if (blocked === undefined) return operator.process(records, { rows, now: now(), effects: work.current })
    const place = this.#placeOf(operator)
    const context = { rows, now: now(), effects: work.current, watch: blocked.watchOf(place) }
    let at = 0
    let time = blocked.begin()
    const until = time + LONGEST_MS
    try {
      while (at < records.length && time < until) {
        const to = Math.min(at + CHUNK, records.length)
        const next = operator.process(records, context, at, to)
        time = endOf(blocked, place, operator)
        at = next
        if (next < to) break
      }
    } catch (error) {
      // what comes before it is complete; the next call throws
      if (at === 0 || !(error instanceof RecordError)) throw error
    }
    return at
  }

  /**
   * Puts and deletes rows, and wakes the events that wait for them.
   *
   * @param stops called after each record, with whether it woke an event; returns true to stop after that record
   * @returns the number of records consumed: not all, if `stops` says so, if functions are slow, or if the next record or an event that it
   * wakes halts the application
   * @throws RecordError if that is so for the first record; its row may have been put, and events before that one may have left
   */
  async table<P extends JoinPipeline>(
    table: JoinTable,
    records: readonly LogRecord[],
    pipelines: readonly P[],
    work: UncommittedWork,
    stops: (pipeline: P, record: LogRecord, woke: boolean) => boolean = () => false,
  ): Promise<number> {
    const found = await Promise.all(
      pipelines
        .filter(({ tables }) => tables.includes(table))
        .map(async (pipeline) => {
          const waking = records.flatMap(({ key }, i) => (key !== null && pipeline.operator.isWaiting(key) ? [i] : []))
          const keys = waking.map((i) => (records[i] as LogRecord).key as Uint8Array)
          return {
            pipeline,
            index: pipeline.tables.indexOf(table),
            waking: new Map(waking.map((i, at) => [i, at])),
            rows: keys.length === 0 ? NO_ROWS : await readRows(pipeline.tables, keys, work.batches),
          }
        }),
    )
    const { blocked, now: nowOf, partition } = this.#options
    const now = nowOf()
    const users = found.map(({ rows, ...user }) => {
      const place = this.#placeOf(user.pipeline.operator)
      const context = { rows, now, effects: work.current, watch: blocked?.watchOf(place) }
      return { ...user, place, context }
    })
    const { topic } = table.plan
    const own: Place = { of: `table ${topic}`, topic, partition }
    const watch = blocked?.watchOf(own)
    /** The index of the first record whose decoding has not been measured. */
    let from = 0
    let time = blocked?.begin() ?? 0
    const until = time + LONGEST_MS
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      let isEnough = false
      try {
        const isRow = this.#rows.write(table, record, work.current, watch)
        const isWaking = isRow && users.some(({ waking }) => waking.has(i))
        if (blocked !== undefined && (isWaking || i - from === CHUNK - 1 || i === records.length - 1)) {
          time = blocked.ended(own, (records[from] as LogRecord).offset, record.offset)
          from = i + 1
        }
        if (isRow) {
          for (const { pipeline, index, waking, place, context } of users) {
            const at = waking.get(i)
            if (at !== undefined) {
              pipeline.operator.wake(index, record, at, context)
              if (blocked !== undefined) time = endOf(blocked, place, pipeline.operator)
              failpoint('batch.woken')
            }
            if (stops(pipeline, record, at !== undefined)) isEnough = true
          }
        }
      } catch (error) {
        // what comes before it is complete; the next call throws
        if (i === 0 || !(error instanceof RecordError)) throw error
        return i
      }
      if (isEnough || time >= until) return i + 1
    }
    failpoint('batch.table')
    return records.length
  }

  /** Evaluates waiting events with the current rows. */
  async evaluate(
    { operator, tables }: JoinPipeline,
    keys: readonly Uint8Array[],
    work: UncommittedWork,
  ): Promise<void> {
    const rows = await readRows(tables, keys, work.batches)
    const { blocked, now } = this.#options
    const place = this.#placeOf(operator)
    const context = { rows, now: now(), effects: work.current, watch: blocked?.watchOf(place) }
    let since = blocked?.begin() ?? 0
    for (const [i, key] of keys.entries()) {
      operator.evaluate(key, i, context)
      if (blocked === undefined || endOf(blocked, place, operator) - since < LONGEST_MS) continue
      await blocked.pause()
      since = blocked.begin()
    }
  }

  #placeOf({ plan }: JoinOperator): Place {
    return { of: `pipeline ${plan.name}`, topic: plan.stream, partition: this.#options.partition }
  }
}

/**
 * Functions have run since the clock was last read.
 *
 * @returns the time, in monotonic milliseconds
 */
function endOf(blocked: BlockedRecords, place: Place, { ran }: JoinOperator): number {
  const { first, last } = ran
  ran.first = undefined
  return first === undefined ? blocked.begin() : blocked.ended(place, first, last)
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], caughtUp: [] }
