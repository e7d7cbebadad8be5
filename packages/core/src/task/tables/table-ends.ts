import { failpoint } from '@joinery/failpoint'
import { earliest } from '../../earliest.js'
import { dueBatches, waitingBatches } from '../../join/waiting-batches.js'
import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { PartitionGroup } from '../partition-group.js'
import type { TaskPipeline } from '../task-pipeline.js'
import type { TaskState } from '../task-state.js'
import type { TaskTable } from './task-table.js'

/** Options of {@link TableEnds}. */
export interface TableEndsOptions {
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  readonly monotonic: () => number
}

/**
 * Tracks the end offsets of a task's tables: opens a pipeline once all its tables have caught up, and lets waiting
 * events expire once everything that was committed before their deadline has been read. An event never expires while
 * its row is in the log (law 9).
 */
export class TableEnds {
  readonly #state: TaskState
  readonly #group: PartitionGroup
  readonly #work: UncommittedWork
  readonly #options: TableEndsOptions

  constructor(state: TaskState, group: PartitionGroup, work: UncommittedWork, options: TableEndsOptions) {
    this.#state = state
    this.#group = group
    this.#work = work
    this.#options = options
  }

  /**
   * Requests the end offsets that are needed, and processes those that were reached.
   *
   * @returns whether it processed anything
   */
  async step(): Promise<boolean> {
    // the rows of a full table are not missing: they are still to be read
    if (this.#group.isHeld) return false
    let worked = false
    for (const table of this.#state.tables) {
      table.catchUp.rejectIfStale()
      table.catchUp.requestIfNeeded(this.#options.now(), this.#deadline(table))
      worked = (await this.#useReached(table)) || worked
    }
    for (const pipeline of this.#state.pipelines) {
      if (pipeline.isOpen || !pipeline.tables.every(({ catchUp }) => catchUp.hasCaughtUp)) continue
      await this.#open(pipeline)
      worked = true
    }
    return worked
  }

  /** When {@link step} has to run again even if nothing arrives, in monotonic milliseconds. */
  get until(): number | undefined {
    if (this.#group.isHeld) return undefined
    const [now, monotonic] = [this.#options.now(), this.#options.monotonic()]
    return earliest(this.#state.tables.map((table) => table.catchUp.requestAt(now, monotonic, this.#deadline(table))))
  }

  /** The earliest deadline of events that wait for a table. */
  #deadline(table: TaskTable): number | undefined {
    return earliest(
      this.#state.pipelines.map(({ operator, tables, isOpen }) =>
        isOpen && tables.includes(table) ? operator.nextDeadline(tables.indexOf(table)) : undefined,
      ),
    )
  }

  async #useReached(table: TaskTable): Promise<boolean> {
    const reached = table.catchUp.reached(this.#work.newest)
    if (reached === undefined) return false
    // the position of the store, or POSITION, contains the time of the catch-up: it is saved with the next commit
    if (table.catchUp.isSaveDue) this.#work.current.touch(this.#options.monotonic())
    if (!reached.isFirst) await this.#expire(table, reached.time)
    return true
  }

  /** Lets events expire whose deadline had passed when the end offset was requested. */
  async #expire(table: TaskTable, requestedAt: number): Promise<void> {
    for (const pipeline of this.#state.pipelines) {
      const index = pipeline.tables.indexOf(table)
      if (index < 0 || !pipeline.isOpen) continue
      for (const due of dueBatches(pipeline.operator, index, requestedAt)) {
        await this.#group.evaluate(pipeline, due)
        failpoint('expiry.evaluated')
      }
    }
  }

  /** Evaluates all waiting events once with the current rows, then starts the stream. */
  async #open(pipeline: TaskPipeline): Promise<void> {
    for (const keys of waitingBatches(pipeline.operator)) await this.#group.evaluate(pipeline, keys)
    failpoint('catch-up.evaluated')
    this.#group.open(pipeline)
    failpoint('catch-up.opened')
  }
}
