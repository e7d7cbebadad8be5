import { setMaxListeners } from 'node:events'
import type { NewClaim } from '../../call/new-claim.js'
import type { CallState } from '../../changelog/call-record.js'
import type { Report } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import { isJoineryError } from '../../errors.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import type { BlockedRecords } from '../blocked/blocked-records.js'
import { runCall } from './run-call.js'
import { TrackedClaim } from './tracked-claim.js'

/**
 * After a commit, no call is started if the commit was sent longer ago than this: the task may have another owner by now,
 * for which the claim is orphaned. If the task is reopened and finds the claim committed, the claim is used at any age,
 * because this process has just fenced the others.
 */
const DISPATCH_WINDOW_MS = 5_000
const INITIAL_BACKOFF_MS = 500
const MAX_BACKOFF_MS = 30_000

/** A report, with the call that it is about. */
export interface ClaimReport {
  readonly id: string
  readonly report: Report
}

/**
 * The calls that this process has claimed, for one pipeline in one task. They outlive the task attempt, because each failed
 * commit replaces it. They also outlive the task: it may move to another process while they run, and their outcomes are then
 * reported to the new owner through the log.
 */
export class CallDispatcher {
  readonly #plan: CallPlan
  readonly #clock: Clock
  readonly #blocked: BlockedRecords | undefined
  readonly #claims = new Map<string, TrackedClaim>()
  readonly #orphanedSince = new Map<string, number>()
  readonly #closing = new AbortController()
  #wake: () => void = () => {}
  #onEmpty: (() => void)[] = []
  /** Reports to the task's owner through the log; set once the task has ended in this process. */
  #send: ((report: ClaimReport) => Promise<void>) | undefined

  /** @param blocked finds the records for which functions block the event loop */
  constructor(plan: CallPlan, clock: Clock, blocked?: BlockedRecords) {
    this.#plan = plan
    this.#clock = clock
    this.#blocked = blocked
    setMaxListeners(0, this.#closing.signal) // each connecting call adds a listener
  }

  /** The number of call functions that are running. */
  get running(): number {
    return [...this.#claims.values()].filter(({ phase }) => phase === 'running').length
  }

  /** Whether a call is running that has not timed out: its outcome will be reported. */
  get isAwaiting(): boolean {
    return [...this.#claims.values()].some(({ phase, isOverdue }) => phase === 'running' && !isOverdue)
  }

  /** Whether {@link drainReports} would return a report. */
  get hasReports(): boolean {
    return [...this.#claims.values()].some(({ report, isReportInFlight }) => report !== undefined && !isReportInFlight)
  }

  /** When this process first saw another process's claim, in monotonic milliseconds; kept when the task is reopened. */
  orphanedSince(token: string): number {
    const since = this.#orphanedSince.get(token) ?? this.#clock.monotonic()
    this.#orphanedSince.set(token, since)
    return since
  }

  /** Whether this process holds the claim. */
  has(token: string): boolean {
    return this.#claims.has(token)
  }

  /** Registers claims whose commit is pending. */
  track(claims: readonly NewClaim[]): void {
    for (const claim of claims) this.#claims.set(claim.token, new TrackedClaim(claim))
  }

  /**
   * Makes the calls of claims that are now committed; never earlier. The check of the commit's age only makes it unlikely
   * that a call is started after the task has moved: the guarantee that no request is made twice does not depend on it.
   *
   * @param sentAt when the commit was sent, in monotonic milliseconds
   * @param mayStart whether calls may start: this process owns the task, and it is not being paused, closed or reopened
   */
  onCommitted(claims: readonly NewClaim[], sentAt: number, mayStart: boolean): void {
    for (const { token } of claims) {
      const tracked = this.#claims.get(token)
      if (tracked?.phase !== 'committing') continue
      if (mayStart && this.#isFresh(sentAt)) this.#start(tracked)
      else this.#release(tracked)
    }
  }

  /** Returns the reports that are not in uncommitted work yet. The caller adds them to it. */
  drainReports(): readonly ClaimReport[] {
    const reports: ClaimReport[] = []
    for (const tracked of this.#claims.values()) {
      if (tracked.report === undefined || tracked.isReportInFlight) continue
      tracked.isReportInFlight = true
      reports.push({ id: tracked.claim.id, report: tracked.report })
    }
    return reports
  }

  /** Removes reports that are now in the log: committed with the task, or appended to the reports topic. */
  onReportsCommitted(reports: readonly ClaimReport[]): void {
    for (const { report } of reports) {
      const tracked = this.#claims.get(report.token)
      if (tracked === undefined || tracked.report !== report) continue // there is a newer report
      tracked.report = undefined
      tracked.isReportInFlight = false
      if (tracked.phase === 'ended') this.#claims.delete(report.token)
    }
    this.#notifyEmpty()
  }

  /** Resolves when no call is running and every outcome has been reported. */
  async allReported(): Promise<void> {
    if (this.#claims.size > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve))
  }

  #notifyEmpty(): void {
    if (this.#claims.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve()
  }

  /**
   * The task was opened: makes the calls of claims whose commit had an unclear outcome and turned out to have succeeded.
   *
   * @param find looks up a committed call by its id
   * @param orphaned tokens of claims that earlier owners left
   */
  reconcile(find: (id: string) => CallState | undefined, orphaned: Iterable<string>, wake: () => void): void {
    this.#wake = wake
    this.#send = undefined
    const openedAt = this.#clock.monotonic()
    const known = new Map(this.#orphanedSince)
    this.#orphanedSince.clear()
    for (const token of orphaned) this.#orphanedSince.set(token, known.get(token) ?? this.#clock.monotonic())
    for (const tracked of [...this.#claims.values()]) {
      tracked.isReportInFlight = false
      if (tracked.phase !== 'committing') continue
      const call = find(tracked.claim.id)
      const isThere = call !== undefined && 'claim' in call && call.claim.token === tracked.claim.token
      if (!isThere) this.#claims.delete(tracked.claim.token)
      else if (call.state === 'claimed' && this.#isFresh(openedAt)) this.#start(tracked)
      else this.#release(tracked)
    }
    this.#notifyEmpty()
  }

  /**
   * The task has ended in this process: releases the claims that were not used, and reports all outcomes to the next owner
   * through the log.
   */
  handOff(send: (report: ClaimReport) => Promise<void>): void {
    this.#send = send
    for (const tracked of this.#claims.values()) {
      tracked.isReportInFlight = false
      if (tracked.phase === 'committing') this.#release(tracked)
      else if (tracked.report !== undefined) this.#publish(tracked)
    }
  }

  /** Drops all claims, as a crash would: nothing is reported from now on. */
  discard(): void {
    this.#claims.clear()
    this.#notifyEmpty()
  }

  /** The application is closing: requests that have not been sent yet are not sent. */
  stop(): void {
    this.#closing.abort(new Error('the application is closing'))
  }

  /** Whether this process probably still owns the task. The function of the previous call may have blocked the event loop. */
  #isFresh(since: number): boolean {
    return this.#clock.monotonic() - since < DISPATCH_WINDOW_MS
  }

  /** Releases a claim: its call is not made, and is reported as not sent. */
  #release(tracked: TrackedClaim): void {
    tracked.enter('ended')
    this.#report(tracked, { token: tracked.claim.token, outcome: 'not-sent', by: 'owner' })
  }

  #start(tracked: TrackedClaim): void {
    tracked.enter('running')
    const { token } = tracked.claim
    const { timeoutMs } = this.#plan
    const abort = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      const why = `it took longer than ${timeoutMs} ms`
      abort.abort(new DOMException(`the call took longer than ${timeoutMs} ms`, 'TimeoutError'))
      // a function that respects the signal finishes now; otherwise the call is in doubt although its function still runs
      void this.#clock.yieldToEventLoop().then(() => {
        if (tracked.phase !== 'running') return
        tracked.isOverdue = true
        this.#report(tracked, { token, outcome: 'in-doubt', by: 'owner', claimantFinished: false, why })
      })
    }, timeoutMs)
    const finish = (report: Report): void => {
      timer.cancel()
      tracked.enter('ended')
      this.#report(tracked, report)
    }
    const { signal: closing } = this.#closing
    const options = { plan: this.#plan, clock: this.#clock, blocked: this.#blocked, abort, closing }
    runCall(tracked.claim, options).then(finish, () => {
      const why = 'it threw a value whose message could not be read'
      finish({ token, outcome: 'in-doubt', by: 'owner', claimantFinished: true, why })
    })
  }

  #report(tracked: TrackedClaim, report: Report): void {
    if (this.#claims.get(tracked.claim.token) !== tracked) return
    tracked.report = report
    tracked.isReportInFlight = false
    if (this.#send === undefined) this.#wake()
    else this.#publish(tracked)
  }

  /**
   * Reports to the owner through the log, and retries until the report is written: otherwise the call would become, or
   * stay, in doubt.
   */
  #publish(tracked: TrackedClaim): void {
    const { report } = tracked
    const send = this.#send
    if (report === undefined || send === undefined) return
    const attempt = (wait: number): void => {
      if (tracked.report !== report || this.#send !== send) return
      send({ id: tracked.claim.id, report: { ...report, by: 'claimant' } }).then(
        () => this.onReportsCommitted([{ id: tracked.claim.id, report }]),
        (error: unknown) => {
          // the process is ending: the owner reports the call as in doubt
          if (isJoineryError(error, 'LOG_CLOSED')) return this.discard()
          this.#clock.setTimeout(() => attempt(Math.min(wait * 2, MAX_BACKOFF_MS)), wait)
        },
      )
    }
    attempt(INITIAL_BACKOFF_MS)
  }
}
