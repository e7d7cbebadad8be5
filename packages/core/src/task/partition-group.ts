import { failpoint } from '@joinery/failpoint'
import type { LogRecord } from '../record.js'
import type { CallProcessor } from './calls/call-processor.js'
import type { CommitLimits } from './commit/commit-limits.js'
import type { UncommittedWork } from './commit/uncommitted-work.js'
import { chooseInput } from './input-order.js'
import { RecordProcessor, type RecordProcessorOptions } from './record-processor.js'
import { fullSince } from './stall/full-since.js'
import type { TaskTable } from './tables/task-table.js'
import type { TaskPipeline } from './task-pipeline.js'
import type { TaskState } from './task-state.js'

/** Records processed between two checks of the clock. */
const BATCH_SIZE = 256

/** Options of {@link PartitionGroup}. */
export interface PartitionGroupOptions extends RecordProcessorOptions {
  readonly maxIdleMs: number
  readonly monotonic: () => number
  readonly limits: CommitLimits
}

/** Takes records from a task's inputs in order, and collects their effects in the task's uncommitted work. */
export class PartitionGroup {
  readonly #state: TaskState
  readonly #work: UncommittedWork
  readonly #calls: CallProcessor | undefined
  readonly #options: PartitionGroupOptions
  readonly #records: RecordProcessor
  /** The table whose next record exceeds a bound: nothing is processed until it fits. */
  #held: TaskTable | undefined
  /** When to call {@link step} again at the latest, even if nothing arrives; in monotonic milliseconds. */
  until: number | undefined

  /** @param calls processes the records of call streams */
  constructor(
    state: TaskState,
    work: UncommittedWork,
    calls: CallProcessor | undefined,
    options: PartitionGroupOptions,
  ) {
    this.#state = state
    this.#work = work
    this.#calls = calls
    this.#options = options
    this.#records = new RecordProcessor(options)
    for (const pipeline of state.pipelines) this.#block(pipeline)
  }

  /**
   * Processes a batch of one input.
   *
   * @returns false if there is nothing to do now
   */
  async step(): Promise<boolean> {
    if (this.#held !== undefined && !(await this.#hasRoom(this.#held))) return false
    const { inputs, tables, pipelines } = this.#state
    const choice = chooseInput(inputs, this.#options.maxIdleMs, this.#options.monotonic())
    if (choice.type === 'wait') {
      this.until = choice.until
      return false
    }
    const { input: take, before } = choice
    const table = tables.find(({ input }) => input === take)
    const { limits } = this.#options
    const batch = this.#work.current
    let records = take.peek(Math.min(BATCH_SIZE, limits.recordsLeft(batch)), before, table !== undefined)
    const { bytes, logBytes } = batch
    if (table?.capacity !== undefined) {
      const fitting = await table.capacity.admit(records, this.#work)
      if (fitting === 0) return this.#hold(table)
      records = records.slice(0, fitting)
    }
    batch.touch(this.#options.monotonic())
    const pipeline = pipelines.find(({ input }) => input === take)
    if (table !== undefined) take.advance(await this.#tableRecords(table, records))
    else if (pipeline !== undefined) await this.#streamRecords(pipeline, records)
    else await this.#calls?.process(take, records)
    limits.added(records.length, { bytes: batch.bytes - bytes, logBytes: batch.logBytes - logBytes })
    return true
  }

  /** Whether the task waits because a table is full. */
  get isHeld(): boolean {
    return this.#held !== undefined
  }

  #hold(table: TaskTable): false {
    this.#held = table
    this.until = undefined
    for (const { catchUp } of this.#state.tables) catchUp.interrupted()
    return false
  }

  /** Whether the record at which a table is held fits now. */
  async #hasRoom({ input, capacity }: TaskTable): Promise<boolean> {
    const [next] = input.peek(1, Number.POSITIVE_INFINITY, true)
    if (!(await capacity?.fits(next as LogRecord, this.#work))) return false
    this.#held = undefined
    // tombstones may have been compacted away meanwhile
    for (const { catchUp } of this.#state.tables) catchUp.rejectIfStale()
    return true
  }

  async #streamRecords(pipeline: TaskPipeline, records: readonly LogRecord[]): Promise<void> {
    const consumed = await this.#records.stream(pipeline, records, this.#work)
    pipeline.input.advance(consumed)
    pipeline.isFull = pipeline.operator.isFull
    const { input, isFull } = pipeline
    input.fullSince = fullSince(input.fullSince, { consumed, isFull }, this.#options.monotonic())
    this.#block(pipeline)
    failpoint('batch.stream')
  }

  /** @returns the number of records consumed: not all, if a paused stream can continue */
  #tableRecords(table: TaskTable, records: readonly LogRecord[]): Promise<number> {
    // a table that is read again passes through old rows: what waits for it is evaluated once it has caught up
    const wakes = !table.isRebuilt || table.catchUp.hasCaughtUp
    return this.#records.table(
      table,
      records,
      wakes ? this.#state.pipelines : [],
      this.#work,
      (pipeline, { key }, woke) => pipeline.isFull && (woke || pipeline.input.isNext(key)) && this.#retry(pipeline),
    )
  }

  /** Evaluates waiting events with the current rows: those that are due, or all of them when a pipeline opens. */
  async evaluate(pipeline: TaskPipeline, keys: readonly Uint8Array[]): Promise<void> {
    await this.#records.evaluate(pipeline, keys, this.#work)
    this.#work.current.touch(this.#options.monotonic())
    this.#retry(pipeline)
  }

  /** Starts the stream, once its tables are loaded. */
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
    const isLoading = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'table-first')
    pipeline.input.isPaused = isLoading || pipeline.isFull
  }
}
