import { waiterKey } from '../changelog/keys.js'
import { decodeWaiter, encodeWaiter } from '../changelog/waiter-record.js'
import { JoineryError } from '../errors.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { TopicInfo } from '../log/contract.js'
import type { Effects, OutputTopicInfo, Rows } from '../outcome/effects.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { countUp, newTotals, type Totals } from '../outcome/totals.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { JoinPlan, PipelinePlan, TablePlan } from '../pipeline/plan.js'
import { type LogRecord, NO_HEADERS, originOf } from '../record.js'
import { keyText } from '../serde/key-text.js'
import { StoredRow } from '../store/stored-row.js'
import { DeadlineQueue } from './deadline-queue.js'
import { JoinChain, type Verdict, type Waking } from './join-chain.js'
import { WaitBuffer } from './wait-buffer.js'
import type { Waiter } from './waiter.js'

/** A head whose deadline has passed. */
export interface DueWaiter {
  readonly key: Uint8Array
  readonly waiter: Waiter
}

/** What an operator works for. */
export interface OperatorOptions {
  readonly application: string
  readonly partition: number
  /** Facts on every topic that the plan writes to. */
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  /** What keeps waiting events. */
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
}

/**
 * The join of one pipeline in one task: synchronous, without I/O. It is given records in processing order, the rows that
 * they need, and the time; it answers with effects. After a commit that failed it is thrown away and made anew from the
 * committed state.
 */
export class JoinOperator {
  readonly plan: PipelinePlan
  readonly totals: Totals
  readonly #buffer = new WaitBuffer()
  readonly #deadlines: readonly DeadlineQueue[]
  /** For each table, the latest time whose end of the table has been processed. */
  readonly #provenEnds: number[]
  readonly #chain: JoinChain
  readonly #writer: OutputWriter
  readonly #partition: number
  readonly #changelog: OperatorOptions['changelog']
  #arrival = 0
  readonly #hasExpired = (join: JoinPlan): boolean =>
    join.wait !== undefined && this.#arrival + join.wait.atMostMs <= (this.#provenEnds[join.table] as number)

  constructor(
    plan: PipelinePlan,
    { application, partition, outputs, changelog }: OperatorOptions,
    totals: Totals = newTotals(),
  ) {
    this.plan = plan
    this.totals = totals
    this.#partition = partition
    this.#changelog = changelog
    this.#chain = new JoinChain(plan)
    this.#writer = new OutputWriter(application, plan.stream, partition, outputs)
    this.#deadlines = plan.joins.map(({ index }) => new DeadlineQueue(index))
    this.#provenEnds = plan.tables.map(() => Number.NEGATIVE_INFINITY)
  }

  get waiting(): number {
    return this.#buffer.count
  }

  get waitingBytes(): number {
    return this.#buffer.bytes
  }

  get oldestArrival(): number | undefined {
    return this.#buffer.oldestArrival
  }

  /** Whether events of this key wait. */
  isWaiting(key: Uint8Array): boolean {
    return this.#buffer.count > 0 && this.#buffer.has(keyText(key))
  }

  /** The keys of all waiting events. */
  waitingKeys(): Uint8Array[] {
    return Array.from(this.#buffer.heads(), ({ record }) => record.key as Uint8Array)
  }

  /** Takes a stored waiter back, in stream order. An arrival in the future counts as now: the clock was set back. */
  restore(offset: number, stored: Uint8Array, now: number): void {
    const { record, arrival } = decodeWaiter(stored, this.plan.stream, this.#partition, offset)
    const join = this.plan.joins.find(({ wait }) => wait !== undefined)?.index ?? 0
    this.#buffer.add(keyText(record.key as Uint8Array), {
      record,
      arrival: Math.min(arrival, now),
      bytes: stored.length,
      join,
      hasLeft: false,
      next: undefined,
    })
  }

  /**
   * Processes stream records.
   *
   * @returns how many it consumed: fewer than all when the waiting room is full and `whenFull` is `'pause'`
   * @throws JoineryError what `onError: 'halt'` asks for
   */
  process(records: readonly LogRecord[], rows: Rows, now: number, effects: Effects): number {
    for (let i = 0; i < records.length; i++) {
      if (!this.#processOne(records[i] as LogRecord, rows, i, now, effects)) return i
    }
    return records.length
  }

  #processOne(record: LogRecord, rows: Rows, index: number, now: number, effects: Effects): boolean {
    const { key } = record
    if (this.#buffer.count > 0 && key !== null && record.value !== null) {
      const text = keyText(key)
      const head = this.#buffer.head(text)
      if (head !== undefined) {
        const join = this.plan.joins[head.join] as JoinPlan
        return this.#hold(record, text, join, now, effects)
      }
    }
    this.#arrival = now
    const verdict = this.#chain.run(record, rows, index, undefined, this.#hasExpired)
    if (verdict.does === 'wait') return this.#hold(record, keyText(key as Uint8Array), verdict.join, now, effects)
    this.totals.in++
    this.#settle(record, verdict, 0, effects)
    return true
  }

  /** A table's record of this key was processed: the key's events go on, in order, as far as their rows allow. */
  wake(table: number, record: LogRecord, rows: Rows, index: number, now: number, effects: Effects): void {
    if (record.value === null || record.key === null) return
    this.#advance(keyText(record.key), rows, index, { table, row: new StoredRow(record.value) }, now, effects)
  }

  /** Looks at the key's events again with the rows of today. */
  evaluate(key: Uint8Array, rows: Rows, index: number, now: number, effects: Effects): void {
    this.#advance(keyText(key), rows, index, undefined, now, effects)
  }

  /** The earliest deadline of an event that waits for this table. */
  nextDeadline(table: number): number | undefined {
    let next: number | undefined
    for (const join of this.plan.joins) {
      const deadline = join.table === table ? this.#deadlines[join.index]?.next : undefined
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline
    }
    return next
  }

  /** The table has been processed to an end that was requested at `time`. Answers keys whose events are due; {@link evaluate} them. */
  proveEnd(table: number, time: number, most: number): Uint8Array[] {
    this.#provenEnds[table] = Math.max(time, this.#provenEnds[table] as number)
    const due: Uint8Array[] = []
    for (const join of this.plan.joins) {
      if (join.table !== table) continue
      const waiters = this.#deadlines[join.index]?.takeDue(time, most - due.length) ?? []
      for (const { record } of waiters) due.push(record.key as Uint8Array)
    }
    return due
  }

  #advance(key: string, rows: Rows, index: number, waking: Waking | undefined, now: number, effects: Effects): void {
    for (let waiter = this.#buffer.head(key); waiter !== undefined; waiter = this.#buffer.head(key)) {
      this.#arrival = waiter.arrival
      const verdict = this.#chain.run(waiter.record, rows, index, waking, this.#hasExpired)
      if (verdict.does === 'wait') {
        this.#arm(waiter, verdict.join)
        return
      }
      this.#buffer.removeHead(key)
      this.totals.waiting--
      effects.putState(waiterKey(this.plan.name, waiter.record.offset), null)
      this.#settle(waiter.record, verdict, now - waiter.arrival, effects)
    }
  }

  /** Keeps an event; answers false if there is no room and the stream has to pause. */
  #hold(record: LogRecord, key: string, join: JoinPlan, now: number, effects: Effects): boolean {
    const stored = encodeWaiter(record, now)
    const { wait } = join
    const isFull =
      wait !== undefined &&
      this.#buffer.count > 0 &&
      (this.#buffer.count >= wait.maxRecords || this.#buffer.bytes + stored.length > wait.maxBytes)
    if (isFull && wait.whenFull === undefined) return false
    this.totals.in++
    if (isFull) {
      const table = (this.plan.tables[join.table] as TablePlan).topic
      this.#deadLetter(record, wait.whenFull as string, 'wait-buffer-full', 0, effects, table)
      return true
    }
    const stateKey = waiterKey(this.plan.name, record.offset)
    if (batchBytes(stateKey, stored, NO_HEADERS) > this.#changelog.maxMessageBytes) {
      const { topic, maxMessageBytes } = this.#changelog
      const what = `an event of ${stored.length} bytes has to wait, which is more than ${topic} takes (${maxMessageBytes})`
      this.#tooLarge(record, what, 0, effects)
      return true
    }
    const waiter: Waiter = {
      record: decodeWaiter(stored, record.topic, record.partition, record.offset).record,
      arrival: now,
      bytes: stored.length,
      join: -1,
      hasLeft: false,
      next: undefined,
    }
    const isHead = !this.#buffer.has(key)
    this.#buffer.add(key, waiter)
    this.totals.waiting++
    effects.putState(stateKey, stored)
    if (isHead) this.#arm(waiter, join)
    return true
  }

  /** Sets the deadline of a key's first waiter at the join that holds it. */
  #arm(waiter: Waiter, join: JoinPlan): void {
    waiter.join = join.index
    if (join.wait !== undefined) this.#deadlines[join.index]?.add(waiter, waiter.arrival + join.wait.atMostMs)
  }

  #settle(record: LogRecord, verdict: Exclude<Verdict, { does: 'wait' }>, ageMs: number, effects: Effects): void {
    if (verdict.does === 'emit') {
      const done = this.#writer.emit(effects, this.plan.sink, record, verdict.value)
      if (done === 'too-large') {
        const what = `a result of ${verdict.value.length} bytes is more than ${this.plan.sink} takes`
        this.#tooLarge(record, what, ageMs, effects)
        return
      }
      if (done === 'clamped') this.totals.clamped++
      this.totals.emitted++
      for (const { index, name } of this.plan.joins) {
        countUp(this.#chain.matched[index] === 1 ? this.totals.joined : this.totals.unmatched, name)
      }
    } else if (verdict.does === 'drop') {
      countUp(this.totals.dropped, verdict.reason)
      effects.outcome({ type: 'dropped', reason: verdict.reason, origin: originOf(record) })
    } else if (verdict.does === 'dead-letter') {
      this.#deadLetter(record, verdict.topic, verdict.reason, ageMs, effects, verdict.table)
    } else {
      this.#fail(record, verdict.reason, verdict.error, ageMs, effects)
    }
  }

  #tooLarge(record: LogRecord, what: string, ageMs: number, effects: Effects): void {
    const { topic, partition, offset } = record
    const error = new JoineryError(
      'RECORD_TOO_LARGE',
      `${what} (${topic}[${partition}] at offset ${offset}): raise its max.message.bytes, or set onError: { deadLetter }`,
      { topic, partition, offset },
    )
    this.#fail(record, 'too-large', error, ageMs, effects)
  }

  #fail(record: LogRecord, reason: Reason, error: JoineryError, ageMs: number, effects: Effects): void {
    const { onError } = this.plan
    if (onError === 'halt') throw error
    this.#deadLetter(record, onError.topic, reason, ageMs, effects, undefined, error)
  }

  #deadLetter(
    record: LogRecord,
    topic: string,
    reason: Reason,
    ageMs: number,
    effects: Effects,
    table?: string,
    error?: JoineryError,
  ): void {
    if (this.#writer.deadLetter(effects, topic, record, { reason, ageMs, table, error }) === 'clamped')
      this.totals.clamped++
    countUp(this.totals.deadLettered, reason)
    effects.outcome({ type: 'dead-lettered', reason, origin: originOf(record), ...(error && { error }) })
  }
}
