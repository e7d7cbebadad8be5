import { type ErrorCode, isJoineryError, JoineryError } from '../errors.js'
import type { OutputTopic, Rows } from '../join/effects.js'
import { Outbox } from '../join/outbox.js'
import { batchBytes } from '../log/batch-bytes.js'
import { rowKey, rowValue } from '../log/changelog-format.js'
import type { TopicInfo } from '../log/contract.js'
import type { Reason } from '../pipeline/dead-letter.js'
import { type LogRecord, NO_HEADERS } from '../record.js'
import { StoredRow } from '../store/stored-row.js'
import { chooseInput } from './input-order.js'
import type { TaskPipeline } from './task-pipeline.js'
import { type TaskState, WAITERS } from './task-state.js'
import type { TaskTable } from './task-table.js'
import { Work } from './work.js'

/** Records processed without looking at the clock in between. */
const CHUNK = 256

/** What a processor is made for. */
export interface ProcessorOptions {
  readonly application: string
  readonly outputs: ReadonlyMap<string, OutputTopic>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
  readonly maxIdleMs: number
  /** Steady wall-clock milliseconds. */
  readonly now: () => number
  readonly monotonic: () => number
}

/** Takes records from a task's inputs in their order, and gathers what they cause in `work`. */
export class Processor {
  readonly #state: TaskState
  readonly #options: ProcessorOptions
  /** What is not yet being committed. */
  work: Work
  /** What is being committed, and not yet in the stores. */
  inFlight: Work | undefined
  /** When to call {@link step} again at the latest though nothing arrives; monotonic milliseconds. */
  until: number | undefined

  constructor(state: TaskState, options: ProcessorOptions) {
    this.#state = state
    this.#options = options
    this.work = this.#newWork()
    for (const pipeline of state.pipelines) this.#block(pipeline)
  }

  /** Takes the work over into a commit. */
  takeWork(): Work {
    const { work } = this
    this.inFlight = work
    this.work = this.#newWork()
    return work
  }

  #newWork(): Work {
    return new Work(WAITERS, this.#state.session.buffer?.())
  }

  /** Processes a chunk of one input. Answers false when there is nothing to do now. */
  async step(): Promise<boolean> {
    const { inputs, tables, pipelines } = this.#state
    const choice = chooseInput(inputs, this.#options.maxIdleMs, this.#options.monotonic())
    if (!('take' in choice)) {
      this.until = choice.until
      return false
    }
    const { take, before } = choice
    const table = tables.find(({ input }) => input === take)
    const records = take.peek(CHUNK, before, table !== undefined)
    this.work.touch(this.#options.monotonic())
    if (table !== undefined) take.advance(await this.#tableRecords(table, records))
    else await this.#streamRecords(pipelines.find(({ input }) => input === take) as TaskPipeline, records)
    return true
  }

  async #streamRecords(pipeline: TaskPipeline, records: readonly LogRecord[]): Promise<void> {
    const rows = await this.#rows(
      pipeline.tables,
      records.map(({ key }) => key ?? NO_KEY),
    )
    const consumed = pipeline.operator.process(records, rows, this.#options.now(), this.work)
    pipeline.input.advance(consumed)
    pipeline.isFull = consumed < records.length
    this.#block(pipeline)
  }

  /** Answers how many records it consumed: it stops early to let a paused stream try again. */
  async #tableRecords(table: TaskTable, records: readonly LogRecord[]): Promise<number> {
    const users = await Promise.all(
      this.#state.pipelines
        .filter(({ tables }) => tables.includes(table))
        .map(async (pipeline) => {
          const waking = records.flatMap(({ key }, i) => (key !== null && pipeline.operator.isWaiting(key) ? [i] : []))
          const keys = waking.map((i) => (records[i] as LogRecord).key as Uint8Array)
          return {
            pipeline,
            index: pipeline.tables.indexOf(table),
            waking: new Map(waking.map((i, at) => [i, at])),
            rows: keys.length === 0 ? NO_ROWS : await this.#rows(pipeline.tables, keys),
          }
        }),
    )
    const now = this.#options.now()
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      if (!this.#upsert(table, record)) continue
      let retry = false
      for (const { pipeline, index, waking, rows } of users) {
        const at = waking.get(i)
        if (at !== undefined) pipeline.operator.wake(index, record, rows, at, now, this.work)
        if (pipeline.isFull && (at !== undefined || pipeline.input.isNext(record.key))) retry = this.#retry(pipeline)
      }
      if (retry) return i + 1
    }
    return records.length
  }

  /** Puts or deletes a row; answers false if the record is none. */
  #upsert(table: TaskTable, record: LogRecord): boolean {
    const { plan } = table
    if (record.key === null) {
      table.skipped++
      this.work.outcome({ type: 'dropped', reason: 'null-key', origin: record })
      return false
    }
    const { key } = record
    // a row stays, and must not keep all that came with it
    const value = record.value === null ? null : new Uint8Array(record.value)
    const row = value === null ? undefined : new StoredRow(value)
    try {
      plan.key.decode(key)
      row?.decode(plan.value)
    } catch (cause) {
      this.#undecodable(table, record, cause)
      return false
    }
    if (table.inChangelog) {
      const [stateKey, stateValue] = [rowKey(plan.topic, key), value && rowValue(value)]
      const { topic, maxMessageBytes } = this.#options.changelog
      if (batchBytes(stateKey, stateValue, NO_HEADERS) > maxMessageBytes) {
        const what = `a row of ${value?.length} bytes is more than ${topic} takes (${maxMessageBytes})`
        this.#setAside(table, record, 'too-large', 'RECORD_TOO_LARGE', what)
        return false
      }
      this.work.log(stateKey, stateValue)
    }
    this.work.put(plan.topic, { key, value, ...(row && { row }) })
    return true
  }

  #undecodable(table: TaskTable, record: LogRecord, cause: unknown): void {
    const why = isJoineryError(cause) ? cause.message : String(cause)
    const what = `a record of table ${record.topic} cannot be decoded: ${why}`
    this.#setAside(table, record, 'undecodable', 'DECODE_FAILED', what, cause)
  }

  /** The previous row stays. */
  #setAside(table: TaskTable, record: LogRecord, reason: Reason, code: ErrorCode, what: string, cause?: unknown): void {
    const { onError } = table.plan
    const { topic, partition, offset } = record
    const error = new JoineryError(
      code,
      `${what} (${topic}[${partition}] at offset ${offset}); set onError: { deadLetter } on the table to put such records aside`,
      { cause, topic, partition, offset },
    )
    if (onError === 'halt') throw error
    table.skipped++
    const outbox = new Outbox(this.#options.application, topic, partition, this.#options.outputs)
    outbox.deadLetter(this.work, onError.topic, record, { reason, ageMs: 0, error }, this.#options.now())
    this.work.outcome({ type: 'dead-lettered', reason, origin: record, error })
  }

  /** Looks at events again with the rows of today: those that are due, or all of them when a gate opens. */
  async evaluate(pipeline: TaskPipeline, keys: readonly Uint8Array[]): Promise<void> {
    const rows = await this.#rows(pipeline.tables, keys)
    const now = this.#options.now()
    this.work.touch(this.#options.monotonic())
    keys.forEach((key, i) => {
      pipeline.operator.evaluate(key, rows, i, now, this.work)
    })
    this.#retry(pipeline)
  }

  /** Lets the stream in once its tables are loaded. */
  open(pipeline: TaskPipeline): void {
    pipeline.isOpen = true
    this.#block(pipeline)
  }

  #retry(pipeline: TaskPipeline): boolean {
    pipeline.isFull = false
    this.#block(pipeline)
    return true
  }

  #block(pipeline: TaskPipeline): void {
    const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.start === 'table-first')
    pipeline.input.isBlocked = isHeld || pipeline.isFull
  }

  async #rows(tables: readonly TaskTable[], keys: readonly Uint8Array[]): Promise<Rows> {
    const works = [this.work, this.inFlight]
    const values: (readonly (StoredRow | undefined)[])[] = []
    for (const { store } of tables) {
      const read = store.readRows(keys, works)
      values.push(read instanceof Promise ? await read : read)
    }
    return { values, known: tables.map(({ isKnown }) => isKnown) }
  }
}

const NO_KEY = new Uint8Array(0)
const NO_ROWS: Rows = { values: [], known: [] }
