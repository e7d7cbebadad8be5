import type { CallOperator } from '../../call/call-operator.js'
import type { CallState } from '../../changelog/call-record.js'
import { decodeReport } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import { earliest } from '../../earliest.js'
import type { LogSource } from '../../log/contract.js'
import type { Failure } from '../../outcome/failure.js'
import { RecordError } from '../../outcome/record-error.js'
import type { LogRecord } from '../../record.js'
import type { BlockedRecords } from '../blocked/blocked-records.js'
import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { Counts } from '../counters.js'
import { EndOffset } from '../end-offset.js'
import type { InputPartition } from '../input-partition.js'
import { fullSince } from '../stall/full-since.js'
import type { ClaimReport } from './call-dispatcher.js'
import type { CallPipeline } from './call-pipeline.js'
import { CallRetention } from './call-retention.js'
import { OrphanedClaims } from './orphaned-claims.js'
import type { TaskCallState } from './restore-calls.js'
import { WatchedCalls } from './watched-calls.js'

/** The number of reports that one step processes. */
const BATCH_SIZE = 100
/**
 * The maximum number of running functions, as a multiple of `concurrency`; functions that ignore their timeout count, too.
 * At the limit, no call is claimed.
 */
const MAX_RUNNING_PER_SLOT = 10

/** Options of {@link CallProcessor}. */
export interface CallProcessorOptions {
  readonly source: LogSource
  readonly partition: number
  readonly counts: Pick<Counts, 'callsNotSent'>
  readonly clock: Clock
  /** Milliseconds of the log's clock. Retention is measured by it across owners, whose own clocks may be wrong. */
  readonly now: () => number
  readonly wake: () => void
  /** Finds the records for which functions block the event loop. */
  readonly blocked?: BlockedRecords
}

/**
 * Processes everything about calls except the records of their streams: outcomes of running calls, reports from other
 * processes, new claims, orphaned claims, and finished calls whose retention has ended.
 */
export class CallProcessor {
  readonly #state: TaskCallState
  readonly #work: UncommittedWork
  readonly #options: CallProcessorOptions
  readonly #watched: WatchedCalls
  readonly #orphaned: OrphanedClaims
  readonly #retentions: readonly CallRetention[]
  /** When calls to claim were last searched for; calls that have become due since then are still unclaimed. */
  #searchedAt = 0

  constructor(state: TaskCallState, work: UncommittedWork, options: CallProcessorOptions) {
    this.#state = state
    this.#work = work
    this.#options = options
    const { source, partition, clock, now, wake, blocked } = options
    this.#watched = new WatchedCalls(blocked, partition)
    const monotonic = () => clock.monotonic()
    const endOf = (topic: string) => new EndOffset({ source, topicPartition: { topic, partition }, monotonic, wake })
    this.#orphaned = new OrphanedClaims(state.calls, state.reports, endOf(state.reports.topic), clock)
    this.#retentions = state.calls.map(
      (calls) => new CallRetention(calls, state.store, endOf(calls.input.topic), state.firstFinished.get(calls), now),
    )
  }

  /** Whether there are outcomes to report. */
  get hasReports(): boolean {
    return this.#state.calls.some(({ dispatcher }) => dispatcher.hasReports)
  }

  /** The number of call functions that are running. */
  get running(): number {
    return this.#state.calls.reduce((sum, { dispatcher }) => sum + dispatcher.running, 0)
  }

  /** Whether outcomes will be reported: there are reports, or calls are running that have not timed out. */
  get isAwaiting(): boolean {
    return this.hasReports || this.#state.calls.some(({ dispatcher }) => dispatcher.isAwaiting)
  }

  /** Whether there is nothing to do until a running call finishes. */
  get isIdle(): boolean {
    return !this.hasReports && this.#orphaned.isIdle && this.#retentions.every(({ isIdle }) => isIdle)
  }

  /**
   * @param mayBegin whether new work may begin; outcomes of calls are always processed
   * @returns whether it did anything
   * @throws RecordError if a record halts the application; it has had no effect then, and everything else has
   */
  async step(mayBegin: boolean): Promise<boolean> {
    let worked = false
    for (const calls of this.#state.calls) {
      const reports = calls.dispatcher.drainReports()
      if (reports.length === 0) continue
      await this.#apply(calls, reports, (applied) => {
        this.#work.current.afterCommit(() => calls.dispatcher.onReportsCommitted(applied))
        for (const report of applied) this.#countNotSent(calls, report)
      })
      worked = true
    }
    if (!mayBegin) return worked
    worked = (await this.#read()) || worked
    for (const [calls, reports] of this.#orphaned.due()) worked = (await this.#apply(calls, reports)) || worked
    this.#searchedAt = this.#options.now()
    for (const calls of this.#state.calls) worked = this.#claim(calls) || worked
    // claims make room for records, and so do reports of calls that were waiting for a retry
    for (const calls of this.#state.calls)
      if (calls.isFull && calls.operator.queue.ready < calls.operator.plan.maxReady) setFull(calls, false)
    for (const retention of this.#retentions) worked = (await retention.step(this.#work)) || worked
    return worked
  }

  /** Processes records of a call stream; not all of them if too many already wait for their calls. */
  async process(input: InputPartition, records: readonly LogRecord[]): Promise<void> {
    const calls = this.#state.calls.find((each) => each.input === input)
    if (calls === undefined) return
    const { operator } = calls
    const prepared = this.#watched.prepare(operator.plan, records)
    const ids = prepared.map((call) => (call.type === 'call' ? call.id : ''))
    const found = await this.#state.store.find(operator, ids, this.#work.batches)
    const ready = records.slice(0, prepared.length)
    const consumed = operator.process(ready, prepared, found, this.#options.now(), this.#work.current)
    input.advance(consumed)
    const { isFull } = operator
    input.fullSince = fullSince(input.fullSince, { consumed, isFull }, this.#options.clock.monotonic())
    setFull(calls, isFull)
  }

  /** When to run {@link step} again even if no record arrives, in monotonic milliseconds. */
  get until(): number | undefined {
    const now = this.#options.now()
    const monotonic = this.#options.clock.monotonic()
    const times = [this.#orphaned.until]
    for (const { operator } of this.#state.calls) {
      const next = operator.queue.nextTry(this.#searchedAt)
      times.push(next && monotonic + next - now)
    }
    for (const { wait, retryAt } of this.#retentions)
      times.push(wait === undefined ? undefined : Math.max(retryAt, monotonic + wait))
    return earliest(times)
  }

  /** Reads and applies the reports of former owners and people. */
  async #read(): Promise<boolean> {
    const { reports, calls } = this.#state
    if (reports.headTimestamp === undefined) return false
    const records = reports.peek(BATCH_SIZE, Number.POSITIVE_INFINITY, true)
    this.#work.current.touch(this.#options.clock.monotonic())
    const byPipeline = new Map<string, ClaimReport[]>()
    for (const record of records) {
      const message = decodeReport(record)
      if (message?.type !== 'report') continue
      const { type: _, pipeline, id, ...report } = message
      byPipeline.set(pipeline, [...(byPipeline.get(pipeline) ?? []), { id, report }])
    }
    for (const each of calls) await this.#apply(each, byPipeline.get(each.operator.plan.name) ?? [])
    reports.advance(records.length)
    return true
  }

  /**
   * @param applied called with the reports that were applied
   * @throws RecordError if the record of a report halts the application; the others have been applied then
   */
  async #apply(
    calls: CallPipeline,
    reports: readonly ClaimReport[],
    applied: (reports: readonly ClaimReport[]) => void = () => {},
  ): Promise<boolean> {
    if (reports.length === 0) return false
    const { current, batches } = this.#work
    const { operator } = calls
    current.touch(this.#options.clock.monotonic())
    const ids = [...new Set(reports.map(({ id }) => id))]
    const found = await this.#state.store.find(operator, ids, batches)
    // several reports may be about one call: each applies to the state after the previous one
    const states = new Map(ids.map((id, i) => [id, found[i]]))
    const done: ClaimReport[] = []
    let halt: RecordError | undefined
    for (const each of reports) {
      try {
        states.set(each.id, this.#applyOne(operator, each, states.get(each.id)))
        done.push(each)
      } catch (error) {
        if (!(error instanceof RecordError)) throw error
        halt ??= error
      }
      const pause = this.#watched.pauseIfDue()
      if (pause !== undefined) await pause
    }
    applied(done)
    if (halt !== undefined) throw halt
    return true
  }

  #applyOne(operator: CallOperator, { id, report }: ClaimReport, call: CallState | undefined): CallState | undefined {
    const apply = (failure?: Failure) =>
      operator.report({ id, report, call, failure }, this.#options.now(), this.#work.current)
    return call === undefined ? apply() : this.#watched.applied(operator.plan, call.offset, report, apply)
  }

  /** Counts requests that were not sent: their calls are retried, and each failure is reported. */
  #countNotSent(calls: CallPipeline, { id, report: { outcome, token, why } }: ClaimReport): void {
    // a claim that was released before its call was made has no reason
    if (outcome === 'not-sent' && why === undefined) return
    if (outcome !== 'not-sent') {
      calls.notSent = undefined
      return
    }
    const reason = why as string
    calls.notSent = { attempts: (calls.notSent?.attempts ?? 0) + 1, reason }
    this.#options.counts.callsNotSent++
    const { name } = calls.operator.plan
    const { partition } = this.#options
    this.#work.current.outcome({ type: 'call-not-sent', pipeline: name, callId: id, partition, token, reason })
  }

  #claim(calls: CallPipeline): boolean {
    const { operator, dispatcher } = calls
    // reports that were written before this owner opened the task may change which calls have to be made
    if (this.#state.reports.next < this.#state.reportsEnd) return false
    if (dispatcher.running >= MAX_RUNNING_PER_SLOT * operator.plan.concurrency) return false
    const { ready } = operator.queue
    const { plan } = operator
    const claims = operator.claim(this.#searchedAt, this.#work.current, this.#watched.preparing(plan))
    if (operator.queue.ready === ready) return false
    // withdrawals have to be committed, too; they make room for the next calls
    this.#work.current.touch(this.#options.clock.monotonic())
    if (claims.length === 0) return true
    dispatcher.track(claims)
    this.#work.current.isUrgent = true
    this.#work.current.afterCommit(({ sentAt, mayCall }) => dispatcher.onCommitted(claims, sentAt, mayCall))
    return true
  }
}

/** Pauses the stream while too many records wait for their calls. */
function setFull(calls: CallPipeline, isFull: boolean): void {
  calls.isFull = isFull
  calls.input.isPaused = isFull
}
