import { setMaxListeners } from 'node:events'
import type { NewClaim } from '../../call/call-operator.js'
import type { CallState } from '../../changelog/call-record.js'
import type { Report } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import { isJoineryError } from '../../errors.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import { DispatchedClaim } from './dispatched-claim.js'
import { runCall } from './run-call.js'

/**
 * No call is made if its claim's commit was sent longer ago than this: the task may have another owner by now, which
 * treats the claim as orphaned.
 */
const DISPATCH_WINDOW_MS = 5_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

/** A report, with the call that it is about. */
export interface ClaimReport {
  readonly id: string
  readonly report: Report
}

/**
 * The calls of one pipeline in one task that this process has claimed. They outlive the task attempt, which is replaced
 * after each failed commit, and the task itself, which may move to another process while they run: their outcomes are
 * then reported to the new owner through the log.
 */
export class CallDispatcher {
  readonly #plan: CallPlan
  readonly #clock: Clock
  readonly #dispatched = new Map<string, DispatchedClaim>()
  readonly #orphanedSince = new Map<string, number>()
  readonly #closing = new AbortController()
  #wake: () => void = () => {}
  #empty: (() => void)[] = []
  /** Reports to the task's owner, while this process is not the owner. */
  #send: ((report: ClaimReport) => Promise<void>) | undefined

  constructor(plan: CallPlan, clock: Clock) {
    this.#plan = plan
    this.#clock = clock
    setMaxListeners(0, this.#closing.signal) // each connecting call adds a listener
  }

  /** Number of call functions still running. */
  get running(): number {
    let count = 0
    for (const { phase } of this.#dispatched.values()) if (phase === 'running') count++
    return count
  }

  /** Whether {@link drainReports} would return a report. */
  get hasReports(): boolean {
    for (const { report, isTaken } of this.#dispatched.values()) if (report !== undefined && !isTaken) return true
    return false
  }

  /** When this process first saw another process's claim, in monotonic milliseconds; kept when the task is reopened. */
  orphanedSince(token: string): number {
    const since = this.#orphanedSince.get(token) ?? this.#clock.monotonic()
    this.#orphanedSince.set(token, since)
    return since
  }

  /** Whether this process holds the claim. */
  has(token: string): boolean {
    return this.#dispatched.has(token)
  }

  /** Registers claims whose commit is pending. */
  track(claims: readonly NewClaim[]): void {
    for (const claim of claims) this.#dispatched.set(claim.token, new DispatchedClaim(claim))
  }

  /**
   * Makes the calls of claims that are now committed; never earlier. The check of the commit's age only narrows a
   * window: the guarantee that nothing is called twice does not depend on it.
   *
   * @param sentAt when the commit was sent, in monotonic milliseconds
   * @param mayStart whether calls may start: this process owns the task, and it is not being paused, closed or reopened
   */
  onCommitted(claims: readonly NewClaim[], sentAt: number, mayStart: boolean): void {
    const isFresh = this.#clock.monotonic() - sentAt < DISPATCH_WINDOW_MS
    for (const { token } of claims) {
      const dispatched = this.#dispatched.get(token)
      if (dispatched?.phase !== 'committing') continue
      if (mayStart && isFresh) this.#start(dispatched)
      else this.#forget(dispatched)
    }
  }

  /** Returns the reports that are not in uncommitted work yet. The caller adds them to it. */
  drainReports(): readonly ClaimReport[] {
    const reports: ClaimReport[] = []
    for (const dispatched of this.#dispatched.values()) {
      if (dispatched.report === undefined || dispatched.isTaken) continue
      dispatched.isTaken = true
      reports.push({ id: dispatched.claim.id, report: dispatched.report })
    }
    return reports
  }

  /** Removes reports returned by {@link drainReports} that are now committed. */
  onReportsCommitted(reports: readonly ClaimReport[]): void {
    for (const { report } of reports) {
      const dispatched = this.#dispatched.get(report.token)
      if (dispatched === undefined || dispatched.report !== report) continue // there is a newer report
      dispatched.report = undefined
      dispatched.isTaken = false
      if (dispatched.phase === 'over') this.#dispatched.delete(report.token)
    }
    this.#notifyEmpty()
  }

  /** Resolves when no call is running and every outcome has been reported. */
  async settled(): Promise<void> {
    if (this.#dispatched.size > 0) await new Promise<void>((resolve) => this.#empty.push(resolve))
  }

  #notifyEmpty(): void {
    if (this.#dispatched.size === 0) for (const resolve of this.#empty.splice(0)) resolve()
  }

  /**
   * The task was opened: makes the calls whose claims turned out to be committed, although the result of that commit
   * was unknown.
   *
   * @param find looks up a committed call by its id
   * @param orphaned tokens of claims that earlier owners left
   */
  reconcile(find: (id: string) => CallState | undefined, orphaned: Iterable<string>, wake: () => void): void {
    this.#wake = wake
    this.#send = undefined
    const known = new Map(this.#orphanedSince)
    this.#orphanedSince.clear()
    for (const token of orphaned) this.#orphanedSince.set(token, known.get(token) ?? this.#clock.monotonic())
    for (const dispatched of [...this.#dispatched.values()]) {
      dispatched.isTaken = false
      if (dispatched.phase !== 'committing') continue
      const call = find(dispatched.claim.id)
      const isThere = call !== undefined && 'claim' in call && call.claim.token === dispatched.claim.token
      if (!isThere) this.#dispatched.delete(dispatched.claim.token)
      else if (call.state === 'claimed') this.#start(dispatched)
      else this.#forget(dispatched)
    }
  }

  /**
   * Another process owns the task now: gives up the claims that were not used, and reports all outcomes to the new
   * owner.
   */
  handOff(send: (report: ClaimReport) => Promise<void>): void {
    this.#send = send
    for (const dispatched of this.#dispatched.values()) {
      dispatched.isTaken = false
      if (dispatched.phase === 'committing') this.#forget(dispatched)
      else if (dispatched.report !== undefined) this.#publish(dispatched)
    }
  }

  /** Drops all claims, as a crash would: nothing is reported from now on. */
  discard(): void {
    this.#dispatched.clear()
    this.#notifyEmpty()
  }

  /** The application is closing: requests that have not been sent yet are not sent. */
  stop(): void {
    this.#closing.abort(new Error('the application is closing'))
  }

  /** Gives up a claim: its call is not made. */
  #forget(dispatched: DispatchedClaim): void {
    dispatched.enter('over')
    this.#report(dispatched, { token: dispatched.claim.token, outcome: 'not-sent', by: 'owner' })
  }

  #start(dispatched: DispatchedClaim): void {
    dispatched.enter('running')
    const { token } = dispatched.claim
    const { timeoutMs } = this.#plan
    const abort = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      const why = `it took longer than ${timeoutMs} ms`
      abort.abort(new DOMException(`the call took longer than ${timeoutMs} ms`, 'TimeoutError'))
      // a function that honours the signal settles now; otherwise the call is in doubt before the function has finished
      void this.#clock.yieldToEventLoop().then(() => {
        if (dispatched.phase === 'running')
          this.#report(dispatched, { token, outcome: 'in-doubt', by: 'owner', finished: false, why })
      })
    }, timeoutMs)
    const settled = (report: Report): void => {
      timer.cancel()
      dispatched.enter('over')
      this.#report(dispatched, report)
    }
    const options = { plan: this.#plan, clock: this.#clock, abort, closing: this.#closing.signal }
    runCall(dispatched.claim, options).then(settled, () => {
      const why = 'it threw a value whose message could not be read'
      settled({ token, outcome: 'in-doubt', by: 'owner', finished: true, why })
    })
  }

  #report(dispatched: DispatchedClaim, report: Report): void {
    if (this.#dispatched.get(dispatched.claim.token) !== dispatched) return
    dispatched.report = report
    dispatched.isTaken = false
    if (this.#send === undefined) this.#wake()
    else this.#publish(dispatched)
  }

  /**
   * Reports to the owner through the log, and retries until the report is written: otherwise the call would stay in
   * doubt.
   */
  #publish(dispatched: DispatchedClaim): void {
    const { report } = dispatched
    const send = this.#send
    if (report === undefined || send === undefined) return
    const attempt = (wait: number): void => {
      if (dispatched.report !== report || this.#send !== send) return
      send({ id: dispatched.claim.id, report: { ...report, by: 'claimant' } }).then(
        () => this.onReportsCommitted([{ id: dispatched.claim.id, report }]),
        (error: unknown) => {
          // the process is ending: the owner reports the call as in doubt
          if (isJoineryError(error, 'LOG_CLOSED')) return this.discard()
          this.#clock.setTimeout(() => attempt(Math.min(wait * 2, LAST_RETRY_MS)), wait)
        },
      )
    }
    attempt(FIRST_RETRY_MS)
  }
}
