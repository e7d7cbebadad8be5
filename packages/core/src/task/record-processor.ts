import { failpoint } from '@joinery/failpoint'
import { rowKey, rowValue } from '../changelog/keys.js'
import type { JoinOperator } from '../join/join-operator.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { OutputTopicInfo, TopicInfo } from '../log/contract.js'
import type { Rows } from '../outcome/effects.js'
import { type Failure, tooLarge } from '../outcome/failure.js'
import { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { RecordError } from '../outcome/record-error.js'
import { newTotals } from '../outcome/totals.js'
import type { TablePlan } from '../pipeline/plan.js'
import { type LogRecord, NO_HEADERS } from '../record.js'
import { decoded } from '../serde/serde-result.js'
import { StoredRow } from '../store/stored-row.js'
import type { BlockedRecords, Place } from './blocked/blocked-records.js'
import type { UncommittedWork } from './commit/uncommitted-work.js'
import type { WriteBatch } from './commit/write-batch.js'
import { readRows } from './stores/read-rows.js'
import type { RowReader } from './stores/row-reader.js'

/** What processing records needs of a table. */
export interface JoinTable {
  readonly plan: TablePlan
  readonly store: { readonly rows: RowReader }
  /** Whether rows live in the application's changelog, for example because the table's topic cannot serve as one. */
  readonly inChangelog: boolean
  /** Whether the rows are those of the position: a row that is missing is not still to be read. */
  readonly hasExactRows: boolean
  /** Number of records that are not rows: without a key, undecodable, or too large. */
  skipped: number
}

/** What processing records needs of a pipeline. */
export interface JoinPipeline {
  readonly operator: JoinOperator
  /** In the order of the plan's tables. */
  readonly tables: readonly JoinTable[]
}

/** Options of {@link RecordProcessor}. */
export interface RecordProcessorOptions {
  readonly application: string
  readonly partition: number
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
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

  constructor(options: RecordProcessorOptions) {
    this.#options = options
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
    blocked.begin()
    try {
      for (let ranMs = 0; at < records.length && ranMs < LONGEST_MS; ) {
        const to = Math.min(at + CHUNK, records.length)
        const next = operator.process(records, context, at, to)
        ranMs += endOf(blocked, place, operator)
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
   * @returns the number of records consumed: not all, if `stops` says so, or if the next record or an event that it wakes halts the
   * application
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
    const now = this.#options.now()
    const { blocked } = this.#options
    const users = found.map(({ rows, ...user }) => {
      const place = this.#placeOf(user.pipeline.operator)
      const context = { rows, now, effects: work.current, watch: blocked?.watchOf(place) }
      return { ...user, place, context }
    })
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      let isEnough = false
      try {
        if (!this.#upsert(table, record, work.current)) continue
        for (const { pipeline, index, waking, place, context } of users) {
          const at = waking.get(i)
          if (at !== undefined) {
            blocked?.begin()
            pipeline.operator.wake(index, record, at, context)
            if (blocked !== undefined) endOf(blocked, place, pipeline.operator)
            failpoint('batch.woken')
          }
          if (stops(pipeline, record, at !== undefined)) isEnough = true
        }
      } catch (error) {
        // what comes before it is complete; the next call throws
        if (i === 0 || !(error instanceof RecordError)) throw error
        return i
      }
      if (isEnough) return i + 1
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
    keys.forEach((key, i) => {
      blocked?.begin()
      operator.evaluate(key, i, context)
      if (blocked !== undefined) endOf(blocked, place, operator)
    })
  }

  #placeOf({ plan }: JoinOperator): Place {
    return { of: `pipeline ${plan.name}`, topic: plan.stream, partition: this.#options.partition }
  }

  /**
   * Puts or deletes a row.
   *
   * @returns false if the record is not a row
   */
  #upsert(table: JoinTable, record: LogRecord, work: WriteBatch): boolean {
    const { plan } = table
    if (record.key === null) {
      table.skipped++
      this.#outcomesOf(table, record).drop(work, record, 'null-key')
      return false
    }
    const { key, value } = record
    const row = value === null ? undefined : new StoredRow(value)
    let part = 'key'
    try {
      decoded(plan.key.decode(key))
      part = 'value'
      row?.decode(plan.value)
    } catch (cause) {
      const message = `the ${part} of a record of table ${record.topic} cannot be decoded`
      this.#reject(table, record, { reason: 'undecodable', code: 'DECODE_FAILED', message, cause }, work)
      return false
    }
    if (table.inChangelog) {
      const [stateKey, stateValue] = [rowKey(plan.topic, key), value && rowValue(value)]
      const { changelog } = this.#options
      const bytes = batchBytes(stateKey, stateValue, NO_HEADERS)
      if (bytes > changelog.maxMessageBytes) {
        this.#reject(table, record, tooLarge('a row', bytes, changelog), work)
        return false
      }
      work.appendChangelog(stateKey, stateValue)
    }
    work.putRow(plan.topic, { key, value, ...(row && { row }) })
    return true
  }

  /** Dead-letters a table record, or halts. The previous row stays. */
  #reject(table: JoinTable, record: LogRecord, failure: Failure, work: WriteBatch): void {
    this.#outcomesOf(table, record).handleFailure(work, record, failure)
    table.skipped++
  }

  /** Records of tables have no totals: `skipped` counts those that are not rows. */
  #outcomesOf({ plan }: JoinTable, { topic, partition }: LogRecord): OutcomeRecorder {
    const { application, outputs } = this.#options
    const writer = new OutputWriter(application, topic, partition, outputs)
    return new OutcomeRecorder({ plan, input: `table ${topic}`, writer, totals: newTotals() })
  }
}

/** @returns for how long functions have run, in milliseconds */
function endOf(blocked: BlockedRecords, place: Place, { ran }: JoinOperator): number {
  const { first, last } = ran
  ran.first = undefined
  return first === undefined ? 0 : blocked.ended(place, first, last)
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], caughtUp: [] }
