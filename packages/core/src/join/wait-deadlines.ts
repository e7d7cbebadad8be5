import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'
import { DeadlineQueue } from './deadline-queue.js'
import type { Waiter } from './waiter.js'

/**
 * The deadlines of waiting events, and how far each table has been processed. A deadline has passed once the table has
 * been processed to an end offset that was requested at or after it: the clock alone is not enough, because a row that
 * was written in time may still be unread (law 9).
 */
export class WaitDeadlines {
  readonly #joins: readonly JoinPlan[]
  /** By join: the waiters that it holds. */
  readonly #queues: readonly DeadlineQueue[]
  /** By table: the latest request whose end offset has been reached. */
  readonly #tableTimes: number[]

  constructor({ joins, tables }: Pick<PipelinePlan, 'joins' | 'tables'>) {
    this.#joins = joins
    this.#queues = joins.map(({ index }) => new DeadlineQueue(index))
    this.#tableTimes = tables.map(() => Number.NEGATIVE_INFINITY)
  }

  /** Holds a key's first waiter at a join. */
  add(waiter: Waiter, join: JoinPlan): void {
    waiter.join = join.index
    if (join.wait !== undefined) this.#queues[join.index]?.add(waiter, waiter.arrival + join.wait.atMostMs)
  }

  /** @returns whether an event that arrived at `arrival` has waited long enough for the row of `join` */
  hasPassed({ wait, table }: JoinPlan, arrival: number): boolean {
    return wait !== undefined && arrival + wait.atMostMs <= (this.#tableTimes[table] as number)
  }

  /** @returns the earliest deadline of an event that waits for this table, at any join */
  next(table: number): number | undefined {
    let next: number | undefined
    for (const join of this.#joins) {
      const deadline = join.table === table ? this.#queues[join.index]?.next : undefined
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline
    }
    return next
  }

  /**
   * The table has been processed to an end offset that was requested at `time`.
   *
   * @param most how many keys to return
   * @returns keys whose first events are due; each is returned once
   */
  advanceTableTime(table: number, time: number, most: number): Uint8Array[] {
    this.#tableTimes[table] = Math.max(time, this.#tableTimes[table] as number)
    const due: Uint8Array[] = []
    for (const join of this.#joins) {
      if (join.table !== table) continue
      const waiters = this.#queues[join.index]?.takeDue(time, most - due.length) ?? []
      for (const { record } of waiters) due.push(record.key as Uint8Array)
    }
    return due
  }
}
