import { failpoint } from '@joinery/failpoint'
import { prepareCall } from '../call/prepare-call.js'
import type { LogRecord } from '../record.js'
import type { CallPipeline } from './calls/call-pipeline.js'
import type { TaskCallState } from './calls/restore-calls.js'
import { chooseInput } from './input-order.js'
import { RecordProcessor, type RecordProcessorOptions, type Works } from './record-processor.js'
import { WAITERS } from './stores/store-names.js'
import type { TaskPipeline } from './task-pipeline.js'
import type { TaskState } from './task-state.js'
import type { TaskTable } from './task-table.js'
import { UncommittedWork } from './uncommitted-work.js'

/** Records processed without looking at the clock in between. */
const CHUNK = 256

/** What a processor is made for. */
export interface PartitionGroupOptions extends RecordProcessorOptions {
  readonly maxIdleMs: number
  readonly monotonic: () => number
}

/** Takes records from a task's inputs in their order, and gathers what they cause in `work`. */
export class PartitionGroup {
  readonly #state: TaskState
  readonly #options: PartitionGroupOptions
  readonly #records: RecordProcessor
  /** What is not yet being committed. */
  work: UncommittedWork
  /** What is being committed, and not yet in the stores. */
  inFlight: UncommittedWork | undefined
  /** When to call {@link step} again at the latest though nothing arrives; monotonic milliseconds. */
  until: number | undefined

  constructor(state: TaskState, options: PartitionGroupOptions) {
    this.#state = state
    this.#options = options
    this.#records = new RecordProcessor(options)
    this.work = this.#newWork()
    for (const pipeline of state.pipelines) this.#block(pipeline)
  }

  /** Takes the work over into a commit. */
  takeWork(): UncommittedWork {
    const { work } = this
    this.inFlight = work
    this.work = this.#newWork()
    return work
  }

  /** The latest work that is not in the stores; `undefined` if there is none. */
  get newest(): UncommittedWork | undefined {
    return this.work.isEmpty ? this.inFlight : this.work
  }

  /** Whether all rows that a table had when the task was opened are in its store. */
  isStored({ isLoaded, loadedIn }: TaskTable): boolean {
    return isLoaded && (loadedIn === undefined || (loadedIn !== this.work && loadedIn !== this.inFlight))
  }

  get #works(): Works {
    return [this.work, this.inFlight]
  }

  #newWork(): UncommittedWork {
    return new UncommittedWork(WAITERS, this.#state.logNow, this.#state.session.buffer?.())
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
    const calls = this.#state.callState?.calls.find(({ input }) => input === take)
    if (table !== undefined) take.advance(await this.#tableRecords(table, records))
    else if (calls !== undefined) await this.#callRecords(calls, records)
    else await this.#streamRecords(pipelines.find(({ input }) => input === take) as TaskPipeline, records)
    return true
  }

  async #streamRecords(pipeline: TaskPipeline, records: readonly LogRecord[]): Promise<void> {
    const consumed = await this.#records.stream(pipeline, records, this.#works)
    pipeline.input.advance(consumed)
    pipeline.isFull = consumed < records.length
    this.#block(pipeline)
    failpoint('batch.stream')
  }

  async #callRecords(calls: CallPipeline, records: readonly LogRecord[]): Promise<void> {
    const { operator, input } = calls
    const asked = records.map((record) => prepareCall(operator.plan, record))
    const ids = asked.map((ask) => (ask.does === 'call' ? ask.id : ''))
    const { store } = this.#state.callState as TaskCallState
    const found = await store.find(operator, ids, [this.work, this.inFlight])
    const consumed = operator.intake(records, asked, found, this.#state.logNow(), this.work)
    input.advance(consumed)
    calls.isFull = consumed < records.length
    input.isBlocked = calls.isFull
  }

  /** There is room again for records that wait for their call. */
  unblock(calls: CallPipeline): void {
    calls.isFull = false
    calls.input.isBlocked = false
  }

  /** Answers how many records it consumed: it stops early to let a paused stream try again. */
  #tableRecords(table: TaskTable, records: readonly LogRecord[]): Promise<number> {
    return this.#records.table(
      table,
      records,
      this.#state.pipelines,
      this.#works,
      (pipeline, { key }, woke) => pipeline.isFull && (woke || pipeline.input.isNext(key)) && this.#retry(pipeline),
    )
  }

  /** Looks at events again with the rows of today: those that are due, or all of them when a gate opens. */
  async evaluate(pipeline: TaskPipeline, keys: readonly Uint8Array[]): Promise<void> {
    await this.#records.evaluate(pipeline, keys, this.#works)
    this.work.touch(this.#options.monotonic())
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
    const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'table-first')
    pipeline.input.isBlocked = isHeld || pipeline.isFull
  }
}
