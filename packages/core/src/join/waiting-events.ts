import { waiterKey } from '../changelog/keys.js'
import { decodeWaiter, encodeWaiter } from '../changelog/waiter-record.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { TopicInfo } from '../log/contract.js'
import type { Effects } from '../outcome/effects.js'
import { type Failure, tooLarge } from '../outcome/failure.js'
import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'
import { type LogRecord, NO_HEADERS } from '../record.js'
import { keyText } from '../serde/key-text.js'
import { WaitBuffer } from './wait-buffer.js'
import type { WaitDeadlines } from './wait-deadlines.js'
import type { Waiter } from './waiter.js'

/** Options of {@link WaitingEvents}. */
export interface WaitingEventsOptions {
  readonly partition: number
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
}

/** The result of adding an event; unless it is `'added'`, nothing has changed. */
export type AddResult = 'added' | 'full' | Failure

/** The waiting events of one pipeline in one task, in memory and in the changelog. */
export class WaitingEvents {
  readonly #plan: PipelinePlan
  readonly #options: WaitingEventsOptions
  readonly #deadlines: WaitDeadlines
  readonly #buffer = new WaitBuffer()

  constructor(plan: PipelinePlan, options: WaitingEventsOptions, deadlines: WaitDeadlines) {
    this.#plan = plan
    this.#options = options
    this.#deadlines = deadlines
  }

  get count(): number {
    return this.#buffer.count
  }

  get bytes(): number {
    return this.#buffer.bytes
  }

  get oldestArrival(): number | undefined {
    return this.#buffer.oldestArrival
  }

  /** @returns the first event of a key */
  head(key: string): Waiter | undefined {
    return this.#buffer.head(key)
  }

  /** @returns the keys of all events */
  keys(): Uint8Array[] {
    return Array.from(this.#buffer.heads(), ({ record }) => record.key as Uint8Array)
  }

  /** Adds a stored event. Call in stream order. If the clock was set back, so that the arrival is in the future, `now` is used. */
  restore(offset: number, stored: Uint8Array, now: number): void {
    const { record, arrival } = decodeWaiter(stored, this.#plan.stream, this.#options.partition, offset)
    const join = this.#plan.joins.find(({ wait }) => wait !== undefined)?.index ?? 0
    this.#buffer.add(keyText(record.key as Uint8Array), newWaiter(record, Math.min(arrival, now), stored.length, join))
  }

  /**
   * Adds an event after the others with its key, if there is room.
   *
   * @param join the join at which it waits, or at which the first event with its key waits
   */
  add(record: LogRecord, key: string, join: JoinPlan, now: number, effects: Effects): AddResult {
    const stored = encodeWaiter(record, now)
    if (join.wait !== undefined && this.#buffer.isFullFor(stored.length, join.wait)) return 'full'
    const stateKey = waiterKey(this.#plan.name, record.offset)
    const { changelog } = this.#options
    const bytes = batchBytes(stateKey, stored, NO_HEADERS)
    if (bytes > changelog.maxMessageBytes) return tooLarge('a waiting event', bytes, changelog)
    // a copy: the record shares the memory of its whole batch, which must not be retained while the event waits
    const copy = decodeWaiter(stored, record.topic, record.partition, record.offset).record
    const waiter = newWaiter(copy, now, stored.length, -1)
    const isHead = !this.#buffer.has(key)
    this.#buffer.add(key, waiter)
    effects.putState(stateKey, stored)
    if (isHead) this.#deadlines.add(waiter, join)
    return 'added'
  }

  /** Removes the first event of a key. */
  removeHead(key: string, { record }: Waiter, effects: Effects): void {
    this.#buffer.removeHead(key)
    effects.putState(waiterKey(this.#plan.name, record.offset), null)
  }
}

function newWaiter(record: LogRecord, arrival: number, bytes: number, join: number): Waiter {
  return { record, arrival, bytes, join, hasLeft: false, next: undefined }
}
