import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'
import { DeadlineQueue } from './deadline-queue.js'
import type { Waiter } from './waiter.js'

/**
 * The deadlines of waiting events, and how far each table has been processed. A wait does not expire on the clock alone,
 * because a row written in time may still be unread. It expires once the table has been processed to an end offset
 * requested at or after the deadline (law 9). Only the first event with each key has one: the others are evaluated after it.
 */
export class WaitDeadlines {
  readonly #joins: readonly JoinPlan[]
  /** By join: the waiters at it. */
  readonly #queues: readonly DeadlineQueue[]
  /** By table: the request time of the latest end offset that has been reached. */
  readonly #endRequestedAt: number[]

  constructor({ joins, tables }: Pick<PipelinePlan, 'joins' | 'tables'>) {
    this.#joins = joins
    this.#queues = joins.map(({ index }) => new DeadlineQueue(index))
    this.#endRequestedAt = tables.map(() => Number.NEGATIVE_INFINITY)
  }

  /** Sets the join at which a key's first waiter waits, and with it the deadline. */
  add(waiter: Waiter, join: JoinPlan): void {
    waiter.join = join.index
    if (join.wait !== undefined) this.#queues[join.index]?.add(waiter, waiter.arrival + join.wait.atMostMs)
  }

  /** @returns whether an event that arrived at `arrival` has waited long enough for the row of `join` */
  hasPassed({ wait, table }: JoinPlan, arrival: number): boolean {
    return wait !== undefined && arrival + wait.atMostMs <= (this.#endRequestedAt[table] as number)
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
   * The table has been processed to an end offset that was requested at `requestedAt`.
   *
   * @param limit how many keys to return
   * @returns keys whose first events are due; each is returned once
   */
  endOffsetReached(table: number, requestedAt: number, limit: number): Uint8Array[] {
    this.#endRequestedAt[table] = Math.max(requestedAt, this.#endRequestedAt[table] as number)
    const due: Uint8Array[] = []
    for (const join of this.#joins) {
      if (join.table !== table) continue
      const waiters = this.#queues[join.index]?.takeDue(requestedAt, limit - due.length) ?? []
      for (const { record } of waiters) due.push(record.key as Uint8Array)
    }
    return due
  }
}
