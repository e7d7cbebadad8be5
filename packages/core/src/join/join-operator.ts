import type { Effects } from '../outcome/effects.js'
import { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { RecordError } from '../outcome/record-error.js'
import { newTotals, type Totals } from '../outcome/totals.js'
import type { JoinPlan, PipelinePlan, TablePlan } from '../pipeline/plan.js'
import type { LogRecord } from '../record.js'
import { keyText } from '../serde/key-text.js'
import { StoredRow } from '../store/stored-row.js'
import { type EvaluatedOffsets, JoinChain, type JoinInput, newInput } from './join-chain.js'
import type { JoinContext, JoinOperatorOptions, UnfinishedKey } from './join-context.js'
import { type OutcomeDestination, recordOutcome } from './record-outcome.js'
import { WaitDeadlines } from './wait-deadlines.js'
import { WaitingEvents } from './waiting-events.js'

/**
 * The join of one pipeline in one task. A stream record (an event) is joined with the row that has its key in each table. With
 * `wait`, an event whose row is missing, or not accepted by `wait.ready`, waits until the row arrives or the wait expires. A table
 * record never causes output by itself: it changes a row and wakes the events that wait for it.
 *
 * **State.**
 *
 * - One FIFO queue of waiting events for each key, in stream order. It is per key and not per join: while an event waits at any
 *   join, later events with its key queue behind it, not yet evaluated.
 * - The deadlines of the events that wait at each join.
 * - For each table, the request time of the latest end offset that has been reached.
 * - Totals. `in = emitted + dropped + dead-lettered + waiting` after every call.
 *
 * Rows are not state of the operator. The caller fetches those that a batch of records needs, and passes them in.
 *
 * **What is evaluated, and when.** Only the head of a queue is evaluated; the others wait behind it. An evaluation runs the whole
 * chain from its first step with the current rows, because rows of earlier joins may have changed while the event waited. If the
 * result is `wait`, the head keeps its place, and its deadline at that join is set. Every other result is an outcome: the head
 * leaves the queue and the changelog, and the next event becomes the head and is evaluated in turn.
 *
 * | What happens                                           | What is evaluated                                          |
 * | ------------------------------------------------------ | ---------------------------------------------------------- |
 * | an event arrives, and no event with its key is waiting | that event: `process`                                      |
 * | an event arrives, and others with its key are waiting  | nothing: it joins the queue                                |
 * | a table record with a value arrives                    | the queue of its key, with that row: `wake`                |
 * | a tombstone arrives                                    | nothing: the events keep waiting                           |
 * | a table was processed to a newer end offset            | queues whose heads are due: `endOffsetReached`, `evaluate` |
 * | all tables have caught up after startup                | every queue, once: `waitingKeys`, `evaluate`               |
 *
 * A key with many events can be evaluated in parts, so that the caller may yield to the event loop in between: it then calls `resume`
 * with the result of `wake` or `evaluate`, before it calls anything else.
 *
 * **Deadlines.** An event arrives once, when it is first processed. Its deadline at a join is its arrival plus that join's
 * `atMost`, so a later join does not begin a new wait. A wait does not expire on the clock alone, because a row written in time may
 * still be unread. It expires once the table has been processed to an end offset requested at or after the deadline (law 9). Only
 * the head's deadline is tracked: an event behind a head with a later deadline may wait past its own.
 *
 * **Tables that have not caught up.** After startup, a compacted table's rows may be wrong or missing until it has caught up
 * (`Rows.caughtUp`). Until such a table has caught up, the caller passes no stream records, and every restored event that needs
 * the table waits, even at a join without `wait`. The exception is the row that wakes the events with its key: it was just read.
 *
 * **Nulls.** A record with a null value is dropped immediately, even if events with its key are waiting. A record with a null key
 * never waits, because no row can have that key: an inner join drops it, and a left join joins it with `undefined`.
 *
 * **Bounds** are those of the join at which the head of the queue waits. A full buffer either rejects an event before it is counted,
 * so that the caller pauses the stream, or dead-letters it. An empty buffer accepts any event that fits into the changelog.
 *
 * **Correctness.** The operator is synchronous and does no I/O (law 3). All its decisions go through {@link Effects} and are committed
 * as a whole. After a commit that failed the operator is discarded, and a new one is restored from the committed state.
 */
export class JoinOperator {
  readonly plan: PipelinePlan
  readonly totals: Totals
  readonly #deadlines: WaitDeadlines
  readonly #waiting: WaitingEvents
  readonly #chain: JoinChain
  readonly #outcomes: OutcomeRecorder
  readonly #destination: OutcomeDestination
  #isFull = false

  constructor(plan: PipelinePlan, options: JoinOperatorOptions, totals: Totals = newTotals()) {
    this.plan = plan
    this.totals = totals
    this.#deadlines = new WaitDeadlines(plan)
    this.#waiting = new WaitingEvents(plan, options, this.#deadlines)
    this.#chain = new JoinChain(plan, this.#deadlines)
    const writer = new OutputWriter(options.application, plan.stream, options.partition, options.outputs)
    this.#outcomes = new OutcomeRecorder({ plan, input: `stream ${plan.stream}`, writer, totals })
    this.#destination = { plan, totals, outcomes: this.#outcomes }
  }

  get waiting(): number {
    return this.#waiting.count
  }

  get waitingBytes(): number {
    return this.#waiting.bytes
  }

  /** Whether {@link process} stopped because the wait buffer is full. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** The offsets of the events for which functions have run. */
  get evaluated(): EvaluatedOffsets {
    return this.#chain.evaluated
  }

  get oldestArrival(): number | undefined {
    return this.#waiting.oldestArrival
  }

  /** @returns whether events with this key are waiting */
  isWaiting(key: Uint8Array): boolean {
    return this.#waiting.count > 0 && this.#waiting.head(keyText(key)) !== undefined
  }

  /** @returns the keys of all waiting events */
  waitingKeys(): Uint8Array[] {
    return this.#waiting.keys()
  }

  /** Adds a stored waiting event. Call in stream order. If the clock was set back, so that the arrival is in the future, `now` is used. */
  restore(offset: number, stored: Uint8Array, now: number): void {
    this.#waiting.restore(offset, stored, now)
  }

  /**
   * Processes stream records, from the index `from` up to `to`.
   *
   * @returns the index after the last consumed record: less than `to` if the wait buffer is full and `whenFull` is `'pause'`, or if the next record
   * halts the application
   * @throws RecordError if the first record halts the application; it has had no effect then
   */
  process(records: readonly LogRecord[], context: JoinContext, from = 0, to: number = records.length): number {
    const input = newInput(records[0] as LogRecord, context.rows, 0)
    this.#isFull = false
    let i = from
    try {
      for (; i < to; i++) {
        input.record = records[i] as LogRecord
        input.index = i
        if (this.#processOne(input, context)) continue
        this.#isFull = true
        break
      }
    } catch (error) {
      // what comes before it is complete; the next call throws
      if (i === from || !(error instanceof RecordError)) throw error
    }
    return i
  }

  #processOne(input: JoinInput, context: JoinContext): boolean {
    const { record } = input
    const { key } = record
    if (this.#waiting.count > 0 && key !== null && record.value !== null) {
      const text = keyText(key)
      const head = this.#waiting.head(text)
      if (head !== undefined) {
        return this.#enqueue(record, text, this.plan.joins[head.join] as JoinPlan, context)
      }
    }
    input.arrival = context.now
    const result = this.#chain.run(input, context.watch)
    if (result.type === 'wait') return this.#enqueue(record, keyText(key as Uint8Array), result.join, context)
    recordOutcome(this.#destination, record, result, 0, context.effects)
    this.totals.in++
    return true
  }

  /**
   * Evaluates the events waiting under the key of a table record, in order, until one must keep waiting.
   *
   * @param index the index of the key in `context.rows`
   * @returns what to {@link resume} with, if `context.limit` has been reached
   */
  wake(table: number, record: LogRecord, index: number, context: JoinContext): UnfinishedKey | undefined {
    if (record.value === null || record.key === null) return undefined
    const input = newInput(record, context.rows, index, table, new StoredRow(record.value))
    return this.resume({ key: keyText(record.key), input }, context)
  }

  /**
   * Retries the join for the events waiting under a key, with the current rows, until one must keep waiting.
   *
   * @param index the index of the key in `context.rows`
   * @returns what to {@link resume} with, if `context.limit` has been reached
   */
  evaluate(key: Uint8Array, index: number, context: JoinContext): UnfinishedKey | undefined {
    const text = keyText(key)
    const head = this.#waiting.head(text)
    if (head === undefined) return undefined
    return this.resume({ key: text, input: newInput(head.record, context.rows, index) }, context)
  }

  /** @returns the earliest deadline of an event that waits for this table */
  nextDeadline(table: number): number | undefined {
    return this.#deadlines.next(table)
  }

  /**
   * Records that the table has been processed to an end offset that was requested at `requestedAt`.
   *
   * @param limit how many keys to return
   * @returns keys whose events are due: {@link evaluate} them
   */
  endOffsetReached(table: number, requestedAt: number, limit: number): Uint8Array[] {
    return this.#deadlines.endOffsetReached(table, requestedAt, limit)
  }

  /** Evaluates further events of a key, with the same rows. */
  resume(unfinished: UnfinishedKey, { now, effects, watch, limit }: JoinContext): UnfinishedKey | undefined {
    const { key, input } = unfinished
    let left = limit?.() ?? Number.POSITIVE_INFINITY
    for (let waiter = this.#waiting.head(key); waiter !== undefined; waiter = this.#waiting.head(key)) {
      if (left-- === 0) return unfinished
      input.record = waiter.record
      input.arrival = waiter.arrival
      const result = this.#chain.run(input, watch)
      if (result.type === 'wait') {
        this.#deadlines.add(waiter, result.join)
        return undefined
      }
      recordOutcome(this.#destination, waiter.record, result, now - waiter.arrival, effects)
      this.#waiting.removeHead(key, waiter, effects)
      this.totals.waiting--
    }
    return undefined
  }

  /**
   * Makes an event wait, or gives it an outcome if it cannot wait.
   *
   * @param join the join at which it waits, or at which the first event with its key waits
   * @returns `false` if there is no room and the stream has to pause: then the event was not consumed
   */
  #enqueue(record: LogRecord, key: string, join: JoinPlan, { now, effects }: JoinContext): boolean {
    const result = this.#waiting.add(record, key, join, now, effects)
    const deadLetterTopic = join.wait?.deadLetterWhenFull
    if (result === 'full' && deadLetterTopic === undefined) return false
    if (result === 'added') this.totals.waiting++
    else if (result !== 'full') this.#outcomes.handleFailure(effects, record, result)
    else {
      const { topic: table } = this.plan.tables[join.table] as TablePlan
      const cause = { reason: 'wait-buffer-full', ageMs: 0, table } as const
      this.#outcomes.deadLetter(effects, deadLetterTopic as string, record, cause)
    }
    this.totals.in++
    return true
  }
}
