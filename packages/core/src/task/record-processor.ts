import { failpoint } from '@joinery/failpoint'
import { rowKey, rowValue } from '../changelog/keys.js'
import type { JoinOperator } from '../join/join-operator.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { OutputTopicInfo, TopicInfo } from '../log/contract.js'
import type { Rows } from '../outcome/effects.js'
import { type Failure, tooLarge } from '../outcome/failure.js'
import { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { newTotals } from '../outcome/totals.js'
import type { TablePlan } from '../pipeline/plan.js'
import { type LogRecord, NO_HEADERS } from '../record.js'
import { StoredRow } from '../store/stored-row.js'
import type { RowReader } from './stores/row-reader.js'
import type { UncommittedWork } from './uncommitted-work.js'
import type { WriteBatch } from './write-batch.js'

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
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
  /** Anchored time, in milliseconds. */
  readonly now: () => number
}

/** Passes records of streams and tables to the joins of their pipelines, with the rows that they need. */
export class RecordProcessor {
  readonly #options: RecordProcessorOptions

  constructor(options: RecordProcessorOptions) {
    this.#options = options
  }

  /** @returns the number of records consumed: not all, if the wait buffer is full */
  async stream(
    { operator, tables }: JoinPipeline,
    records: readonly LogRecord[],
    work: UncommittedWork,
  ): Promise<number> {
    const keys = records.map(({ key }) => key ?? NO_KEY)
    const rows = await rowsOf(tables, keys, work.batches)
    return operator.process(records, { rows, now: this.#options.now(), effects: work.current })
  }

  /**
   * Puts and deletes rows, and wakes the events that wait for them.
   *
   * @param stops called after each record, with whether it woke an event; returns true to stop after that record
   * @returns the number of records consumed
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
            rows: keys.length === 0 ? NO_ROWS : await rowsOf(pipeline.tables, keys, work.batches),
          }
        }),
    )
    const now = this.#options.now()
    const users = found.map(({ rows, ...user }) => ({ ...user, context: { rows, now, effects: work.current } }))
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      if (!this.#upsert(table, record, work.current)) continue
      let isEnough = false
      for (const { pipeline, index, waking, context } of users) {
        const at = waking.get(i)
        if (at !== undefined) {
          pipeline.operator.wake(index, record, at, context)
          failpoint('batch.woken')
        }
        if (stops(pipeline, record, at !== undefined)) isEnough = true
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
    const rows = await rowsOf(tables, keys, work.batches)
    const context = { rows, now: this.#options.now(), effects: work.current }
    keys.forEach((key, i) => {
      operator.evaluate(key, i, context)
    })
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
    try {
      plan.key.decode(key)
      row?.decode(plan.value)
    } catch (cause) {
      const message = `a record of table ${record.topic} cannot be decoded`
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
    return new OutcomeRecorder({ input: `table ${topic}`, onError: plan.onError, writer, totals: newTotals() })
  }
}

async function rowsOf(
  tables: readonly JoinTable[],
  keys: readonly Uint8Array[],
  batches: readonly WriteBatch[],
): Promise<Rows> {
  const values: Rows['values'][number][] = []
  for (const { store } of tables) {
    const read = store.rows.read(keys, batches)
    values.push(read instanceof Promise ? await read : read)
  }
  return { values, caughtUp: tables.map(({ hasExactRows }) => hasExactRows) }
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], caughtUp: [] }
