import { failpoint } from '@joinery/failpoint'
import type { JoinContext, UnfinishedKey } from '../join/join-context.js'
import type { JoinOperator } from '../join/join-operator.js'
import type { Rows } from '../outcome/effects.js'
import { RecordError } from '../outcome/record-error.js'
import type { LogRecord } from '../record.js'
import { type BlockedRecords, LONGEST_SLICE_MS, type Place } from './blocked/blocked-records.js'
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
  /** Aborts when the task ends without a commit: what is left is not processed. */
  readonly signal?: AbortSignal
}

/** The evaluation of waiting events of one pipeline. */
interface Evaluation {
  readonly pipeline: Pick<JoinPipeline, 'operator'>
  readonly place: Place
  readonly context: JoinContext
}

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
    const chunk = blocked.chunkOf(place)
    let at = 0
    let time = blocked.begin()
    const until = time + LONGEST_SLICE_MS
    try {
      while (at < records.length && time < until) {
        const to = Math.min(at + chunk.next(), records.length)
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
   * All events that a record wakes are evaluated before the next record, and before anything else of the task. If functions are slow,
   * the event loop runs in between.
   *
   * @returns the number of records consumed: not all, if `stops` says so, if functions are slow, if the task ends, or if the next record or
   * an event that it wakes halts the application
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
      return { ...user, place, context: this.#contextOf(place, rows, now, work) }
    })
    const { topic } = table.plan
    const own: Place = { of: `table ${topic}`, topic, partition }
    const watch = blocked?.watchOf(own)
    const chunk = blocked?.chunkOf(own)
    let size = chunk?.next()
    /** The index of the first record whose decoding has not been measured. */
    let from = 0
    let time = blocked?.begin() ?? 0
    const until = time + LONGEST_SLICE_MS
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      let isEnough = false
      try {
        const isRow = this.#rows.write(table, record, work.current, watch)
        const isWaking = isRow && users.some(({ waking }) => waking.has(i))
        if (blocked !== undefined && (isWaking || i - from + 1 === size || i === records.length - 1)) {
          time = blocked.ended(own, (records[from] as LogRecord).offset, record.offset)
          from = i + 1
          size = chunk?.next()
        }
        if (isRow) {
          for (const user of users) {
            const { pipeline, index, waking, place, context } = user
            const at = waking.get(i)
            if (at !== undefined) {
              const { operator } = pipeline
              const rest = operator.wake(index, record, at, context)
              if (blocked !== undefined) {
                time = endOf(blocked, place, operator)
                if (rest !== undefined) time = await this.#evaluateRest(user, rest, blocked)
                if (this.#hasEnded) return i
              }
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
    const context = this.#contextOf(place, rows, now(), work)
    blocked?.begin()
    for (const [i, key] of keys.entries()) {
      if (this.#hasEnded) return
      const rest = operator.evaluate(key, i, context)
      if (blocked === undefined) continue
      endOf(blocked, place, operator)
      if (rest !== undefined) await this.#evaluateRest({ pipeline: { operator }, place, context }, rest, blocked)
      const pause = blocked.pauseIfDue()
      if (pause !== undefined) await pause
    }
  }

  /**
   * Evaluates the other waiting events of a key. If functions are slow, the event loop runs in between; nothing is committed meanwhile.
   *
   * @returns the time, in monotonic milliseconds
   */
  async #evaluateRest(
    { pipeline: { operator }, place, context }: Evaluation,
    first: UnfinishedKey,
    blocked: BlockedRecords,
  ): Promise<number> {
    let time = 0
    for (let rest: UnfinishedKey | undefined = first; rest !== undefined; time = endOf(blocked, place, operator)) {
      const pause = blocked.pauseIfDue()
      if (pause !== undefined) await pause
      if (this.#hasEnded) break
      rest = operator.resume(rest, context)
    }
    return time
  }

  #contextOf(place: Place, rows: Rows, now: number, work: UncommittedWork): JoinContext {
    const { blocked } = this.#options
    if (blocked === undefined) return { rows, now, effects: work.current }
    const chunk = blocked.chunkOf(place)
    return { rows, now, effects: work.current, watch: blocked.watchOf(place), limit: () => chunk.next() }
  }

  get #hasEnded(): boolean {
    return this.#options.signal?.aborted === true
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
function endOf(blocked: BlockedRecords, place: Place, { evaluated }: JoinOperator): number {
  const { first, last } = evaluated
  evaluated.first = undefined
  return first === undefined ? blocked.begin() : blocked.ended(place, first, last)
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], caughtUp: [] }
