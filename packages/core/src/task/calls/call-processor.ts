import { decodeReport } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import type { LogSource } from '../../log/contract.js'
import { EndRequest } from '../end-offset.js'
import type { Processor } from '../partition-group.js'
import type { CallReport } from './call-dispatcher.js'
import type { TaskCalls } from './call-pipeline.js'
import { CallRetention } from './call-retention.js'
import { AbandonedClaims } from './orphaned-claims.js'
import type { Calling } from './restore-calls.js'

/** Reports taken in one go. */
const CHUNK = 100
/** Functions that do not settle though their time is over: beyond so many for each place nothing new is called. */
const UNSETTLED_PER_PLACE = 10

/** What a call processor works with. */
export interface CallProcessorOptions {
  readonly source: LogSource
  readonly partition: number
  readonly clock: Clock
  /** Milliseconds of the log's clock: retention is counted by it over all owners, whose own clocks may be wrong. */
  readonly now: () => number
  readonly wake: () => void
}

/**
 * Everything about calls that does not come with a record of their stream: what became of running ones, what others report,
 * claims, claims that nobody answers for, and calls that were kept long enough.
 */
export class CallProcessor {
  readonly #state: Calling
  readonly #processor: Processor
  readonly #options: CallProcessorOptions
  readonly #abandoned: AbandonedClaims
  readonly #retention: readonly CallRetention[]
  /** When calls to make were last looked for: one whose time has come since then has yet to be found. */
  #lookedAt = 0

  constructor(state: Calling, processor: Processor, options: CallProcessorOptions) {
    this.#state = state
    this.#processor = processor
    this.#options = options
    const { source, partition, clock, now, wake } = options
    const endOf = (topic: string) => new EndRequest(source, { topic, partition }, clock, wake)
    this.#abandoned = new AbandonedClaims(state.calls, state.reports, endOf(state.reports.topic), clock)
    this.#retention = state.calls.map(
      (calls) => new CallRetention(calls, state.ledger, endOf(calls.input.topic), state.firstFinished.get(calls), now),
    )
  }

  /** Whether calls have something to tell. */
  get hasReports(): boolean {
    return this.#state.calls.some(({ running }) => running.hasReports)
  }

  /** Functions that have not settled. */
  get running(): number {
    return this.#state.calls.reduce((sum, { running }) => sum + running.running, 0)
  }

  /** Whether nothing is left to do but what running calls bring. */
  get isIdle(): boolean {
    return !this.hasReports && this.#abandoned.isIdle && this.#retention.every(({ isIdle }) => isIdle)
  }

  /** @param mayBegin whether new work may be begun; what became of calls is always taken */
  async step(mayBegin: boolean): Promise<boolean> {
    let worked = false
    for (const calls of this.#state.calls) {
      const told = calls.running.take()
      if (told.length === 0) continue
      this.#work.told(calls.running, told)
      await this.#apply(calls, told)
      worked = true
    }
    if (!mayBegin) return worked
    worked = (await this.#read()) || worked
    for (const [calls, reports] of this.#abandoned.due()) worked = (await this.#apply(calls, reports)) || worked
    this.#lookedAt = this.#options.now()
    for (const calls of this.#state.calls) worked = this.#claim(calls) || worked
    // room is made by claims, and by reports of what was to be called again
    for (const calls of this.#state.calls)
      if (calls.isFull && calls.operator.queue.ready < calls.operator.plan.maxReady) this.#processor.unblock(calls)
    for (const retention of this.#retention)
      worked = (await retention.step(this.#work, this.#processor.inFlight)) || worked
    return worked
  }

  /** When to look again though nothing arrives, in monotonic milliseconds. */
  get until(): number | undefined {
    const now = this.#options.now()
    const monotonic = this.#options.clock.monotonic()
    const times = [this.#abandoned.until]
    for (const { operator } of this.#state.calls) {
      const next = operator.queue.nextTry(this.#lookedAt)
      times.push(next && monotonic + next - now)
    }
    for (const { wait, retryAt } of this.#retention)
      times.push(wait === undefined ? undefined : Math.max(retryAt, monotonic + wait))
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  get #work(): Processor['work'] {
    return this.#processor.work
  }

  /** What former owners and people say. */
  async #read(): Promise<boolean> {
    const { reports, calls } = this.#state
    if (reports.headTimestamp === undefined) return false
    const records = reports.peek(CHUNK, Number.POSITIVE_INFINITY, true)
    this.#work.touch(this.#options.clock.monotonic())
    const said = new Map<string, CallReport[]>()
    for (const record of records) {
      const message = decodeReport(record)
      if (message?.type !== 'report') continue
      const { type: _, pipeline, id, ...report } = message
      said.set(pipeline, [...(said.get(pipeline) ?? []), { id, report }])
    }
    for (const each of calls) await this.#apply(each, said.get(each.operator.plan.name) ?? [])
    reports.advance(records.length)
    return true
  }

  async #apply(calls: TaskCalls, reports: readonly CallReport[]): Promise<boolean> {
    if (reports.length === 0) return false
    const { work, inFlight } = this.#processor
    const { operator } = calls
    work.touch(this.#options.clock.monotonic())
    const ids = [...new Set(reports.map(({ id }) => id))]
    const found = await this.#state.ledger.find(operator, ids, [work, inFlight])
    // of one call several claims may tell at once: each meets what the one before has left
    const states = new Map(ids.map((id, i) => [id, found[i]]))
    for (const { id, report } of reports)
      states.set(id, operator.report(id, report, states.get(id), this.#options.now(), work))
    return true
  }

  #claim(calls: TaskCalls): boolean {
    const { operator, running } = calls
    // what was reported before this owner came may change what is to be called
    if (this.#state.reports.next < this.#state.reportsEnd) return false
    if (running.running >= UNSETTLED_PER_PLACE * operator.plan.concurrency) return false
    const { ready } = operator.queue
    const claims = operator.claim(this.#lookedAt, this.#work)
    if (operator.queue.ready === ready) return false
    // what is withdrawn has to be committed, too, and leaves its place to the next
    this.#work.touch(this.#options.clock.monotonic())
    if (claims.length === 0) return true
    this.#work.claimed(running, claims)
    running.claimed(claims)
    return true
  }
}
