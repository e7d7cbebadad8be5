import { failpoint } from '@joinery/failpoint'
import { rowKey, rowValue } from '../changelog/keys.js'
import { type ErrorCode, isJoineryError, JoineryError } from '../errors.js'
import type { JoinOperator } from '../join/join-operator.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { TopicInfo } from '../log/contract.js'
import type { OutputTopicInfo, Rows } from '../outcome/effects.js'
import { OutputWriter } from '../outcome/output-writer.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { TablePlan } from '../pipeline/plan.js'
import { type LogRecord, NO_HEADERS, originOf } from '../record.js'
import { StoredRow } from '../store/stored-row.js'
import type { RowReader } from './stores/row-reader.js'
import type { UncommittedWork } from './uncommitted-work.js'
import type { WriteBatch } from './write-batch.js'

/** A table, as far as records are concerned. */
export interface JoinTable {
  readonly plan: TablePlan
  readonly store: { readonly rows: RowReader }
  /** Whether rows live in the application's changelog, for example because the table's topic cannot serve as one. */
  readonly inChangelog: boolean
  /** Whether its rows are certain. */
  readonly isKnown: boolean
  /** Records without a key, or that could not be decoded. */
  skipped: number
}

/** A pipeline, as far as records are concerned. */
export interface JoinPipeline {
  readonly operator: JoinOperator
  /** In the order of the plan's tables. */
  readonly tables: readonly JoinTable[]
}

/** What a record processor is made for. */
export interface RecordProcessorOptions {
  readonly application: string
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
  /** Steady wall-clock milliseconds. */
  readonly now: () => number
}

/** Runs records of streams and tables through the joins of their pipelines, with the rows that they need. */
export class RecordProcessor {
  readonly #options: RecordProcessorOptions

  constructor(options: RecordProcessorOptions) {
    this.#options = options
  }

  /** Answers how many it consumed: not all, if the waiting room is full. */
  async stream(
    { operator, tables }: JoinPipeline,
    records: readonly LogRecord[],
    work: UncommittedWork,
  ): Promise<number> {
    const keys = records.map(({ key }) => key ?? NO_KEY)
    const rows = await rowsOf(tables, keys, work.batches)
    return operator.process(records, rows, this.#options.now(), work.current)
  }

  /**
   * Puts rows, and wakes what waits for them.
   *
   * @param stops told of each record, and whether it woke something; answers true to stop behind it
   * @returns how many records were consumed
   */
  async table<P extends JoinPipeline>(
    table: JoinTable,
    records: readonly LogRecord[],
    pipelines: readonly P[],
    work: UncommittedWork,
    stops: (pipeline: P, record: LogRecord, woke: boolean) => boolean = () => false,
  ): Promise<number> {
    const users = await Promise.all(
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
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      if (!this.#upsert(table, record, work.current)) continue
      let isEnough = false
      for (const { pipeline, index, waking, rows } of users) {
        const at = waking.get(i)
        if (at !== undefined) {
          pipeline.operator.wake(index, record, rows, at, now, work.current)
          failpoint('batch.woken')
        }
        if (stops(pipeline, record, at !== undefined)) isEnough = true
      }
      if (isEnough) return i + 1
    }
    failpoint('batch.table')
    return records.length
  }

  /** Looks at events again with the rows of today. */
  async evaluate(
    { operator, tables }: JoinPipeline,
    keys: readonly Uint8Array[],
    work: UncommittedWork,
  ): Promise<void> {
    const rows = await rowsOf(tables, keys, work.batches)
    const now = this.#options.now()
    keys.forEach((key, i) => {
      operator.evaluate(key, rows, i, now, work.current)
    })
  }

  /** Puts or deletes a row; answers false if the record is none. */
  #upsert(table: JoinTable, record: LogRecord, work: WriteBatch): boolean {
    const { plan } = table
    if (record.key === null) {
      table.skipped++
      work.outcome({ type: 'dropped', reason: 'null-key', origin: originOf(record) })
      return false
    }
    const { key, value } = record
    const row = value === null ? undefined : new StoredRow(value)
    try {
      plan.key.decode(key)
      row?.decode(plan.value)
    } catch (cause) {
      const why = isJoineryError(cause) ? cause.message : String(cause)
      const what = `a record of table ${record.topic} cannot be decoded: ${why}`
      this.#setAside(table, record, 'undecodable', 'DECODE_FAILED', what, work, cause)
      return false
    }
    if (table.inChangelog) {
      const [stateKey, stateValue] = [rowKey(plan.topic, key), value && rowValue(value)]
      const { topic, maxMessageBytes } = this.#options.changelog
      if (batchBytes(stateKey, stateValue, NO_HEADERS) > maxMessageBytes) {
        const what = `a row of ${value?.length} bytes is more than ${topic} takes (${maxMessageBytes})`
        this.#setAside(table, record, 'too-large', 'RECORD_TOO_LARGE', what, work)
        return false
      }
      work.appendChangelog(stateKey, stateValue)
    }
    work.putRow(plan.topic, { key, value, ...(row && { row }) })
    return true
  }

  /** The previous row stays. */
  #setAside(
    table: JoinTable,
    record: LogRecord,
    reason: Reason,
    code: ErrorCode,
    what: string,
    work: WriteBatch,
    cause?: unknown,
  ): void {
    const { onError } = table.plan
    const { topic, partition, offset } = record
    const error = new JoineryError(
      code,
      `${what} (${topic}[${partition}] at offset ${offset}); set onError: { deadLetter } on the table to put such records aside`,
      { cause, topic, partition, offset },
    )
    if (onError === 'halt') throw error
    table.skipped++
    const outbox = new OutputWriter(this.#options.application, topic, partition, this.#options.outputs)
    outbox.deadLetter(work, onError.topic, record, { reason, ageMs: 0, error })
    work.outcome({ type: 'dead-lettered', reason, origin: originOf(record), error })
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
  return { values, known: tables.map(({ isKnown }) => isKnown) }
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], known: [] }
