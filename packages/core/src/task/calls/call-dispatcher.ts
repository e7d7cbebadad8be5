import { setMaxListeners } from 'node:events'
import { idempotencyKeyOf } from '../../call/call-id.js'
import type { NewClaim } from '../../call/call-operator.js'
import { isNotSent } from '../../call/not-sent.js'
import type { CallState } from '../../changelog/call-record.js'
import type { Report } from '../../changelog/report-record.js'
import type { Clock, Timer } from '../../clock.js'
import { isJoineryError } from '../../errors.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import { fetchOnce } from './fetch-once.js'

/** A claim that was acknowledged longer ago is not used any more: somebody may have read it as abandoned. */
const DISPATCH_WINDOW_MS = 5_000
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
const MAX_WHY = 1_000

/** A report, with the call that it is about. */
export interface ClaimReport {
  readonly id: string
  readonly report: Report
}

/** A claim of this process. */
interface DispatchedClaim {
  readonly claim: NewClaim
  /** `'sent'`: the claim is in a commit whose answer is not known. `'running'`: the user's function runs. `'over'`: it has settled. */
  phase: 'sent' | 'running' | 'over'
  /** What has to be told next. */
  report: Report | undefined
  /** Whether the task has it in work that is not committed. */
  isTaken: boolean
}

/**
 * The calls of one pipeline in one task that this process has claimed. They outlive the task's state, which is made anew
 * after each commit that fails, and the task itself, which may go to another process while they run: what became of them
 * is told to the owner then.
 */
export class CallDispatcher {
  readonly #plan: CallPlan
  readonly #clock: Clock
  readonly #dispatched = new Map<string, DispatchedClaim>()
  readonly #orphanedSince = new Map<string, number>()
  readonly #closing = new AbortController()
  #wake: () => void = () => {}
  #empty: (() => void)[] = []
  /** Tells the task's owner, where this process is not it. */
  #tell: ((report: ClaimReport) => Promise<void>) | undefined

  constructor(plan: CallPlan, clock: Clock) {
    this.#plan = plan
    this.#clock = clock
    setMaxListeners(0, this.#closing.signal) // each call that connects listens
  }

  /** Functions that have not settled. */
  get running(): number {
    let count = 0
    for (const { phase } of this.#dispatched.values()) if (phase === 'running') count++
    return count
  }

  /** Whether there is something to {@link drainReports}. */
  get hasReports(): boolean {
    for (const { report, isTaken } of this.#dispatched.values()) if (report !== undefined && !isTaken) return true
    return false
  }

  /** Since when a claim of somebody else is known here, in monotonic milliseconds; over all openings of the task. */
  orphanedSince(token: string): number {
    const since = this.#orphanedSince.get(token) ?? this.#clock.monotonic()
    this.#orphanedSince.set(token, since)
    return since
  }

  /** Whether this process holds the claim. */
  has(token: string): boolean {
    return this.#dispatched.has(token)
  }

  /** Claims were put into work that will be committed. */
  track(claims: readonly NewClaim[]): void {
    for (const claim of claims)
      this.#dispatched.set(claim.token, { claim, phase: 'sent', report: undefined, isTaken: false })
  }

  /**
   * The claims are committed: now, and only now, their calls may be made. The guard only narrows a window; that nothing is
   * called twice never rests on it.
   *
   * @param sentAt when the commit was sent, in monotonic milliseconds
   * @param mayStart whether the task is still this process's, and goes on
   */
  onCommitted(claims: readonly NewClaim[], sentAt: number, mayStart: boolean): void {
    const isFresh = this.#clock.monotonic() - sentAt < DISPATCH_WINDOW_MS
    for (const { token } of claims) {
      const dispatched = this.#dispatched.get(token)
      if (dispatched?.phase !== 'sent') continue
      if (mayStart && isFresh) this.#start(dispatched)
      else this.#forget(dispatched)
    }
  }

  /** What has to be told and is not in uncommitted work yet; it is taken into such work now. */
  drainReports(): readonly ClaimReport[] {
    const reports: ClaimReport[] = []
    for (const dispatched of this.#dispatched.values()) {
      if (dispatched.report === undefined || dispatched.isTaken) continue
      dispatched.isTaken = true
      reports.push({ id: dispatched.claim.id, report: dispatched.report })
    }
    return reports
  }

  /** Reports that {@link drainReports} gave are committed. */
  onReportsCommitted(reports: readonly ClaimReport[]): void {
    for (const { report } of reports) {
      const dispatched = this.#dispatched.get(report.token)
      if (dispatched === undefined || dispatched.report !== report) continue // it has more to say by now
      dispatched.report = undefined
      dispatched.isTaken = false
      if (dispatched.phase === 'over') this.#dispatched.delete(report.token)
    }
    this.#notifyEmpty()
  }

  /** Resolves when no call runs any more, and what became of each is told. */
  async settled(): Promise<void> {
    if (this.#dispatched.size > 0) await new Promise<void>((resolve) => this.#empty.push(resolve))
  }

  #notifyEmpty(): void {
    if (this.#dispatched.size === 0) for (const resolve of this.#empty.splice(0)) resolve()
  }

  /**
   * The task was opened, for the first time or anew, and this is what is committed: calls that were claimed in a commit
   * whose answer never came are made if the claim is there.
   *
   * @param suspects tokens of claims that others have left
   */
  reconcile(find: (id: string) => CallState | undefined, suspects: Iterable<string>, wake: () => void): void {
    this.#wake = wake
    this.#tell = undefined
    const known = new Map(this.#orphanedSince)
    this.#orphanedSince.clear()
    for (const token of suspects) this.#orphanedSince.set(token, known.get(token) ?? this.#clock.monotonic())
    for (const dispatched of [...this.#dispatched.values()]) {
      dispatched.isTaken = false
      if (dispatched.phase !== 'sent') continue
      const call = find(dispatched.claim.id)
      const isThere = call !== undefined && 'claim' in call && call.claim.token === dispatched.claim.token
      if (!isThere) this.#dispatched.delete(dispatched.claim.token)
      else if (call.state === 'claimed') this.#start(dispatched)
      else this.#forget(dispatched)
    }
  }

  /** Ids of claims whose fate {@link reconcile} has to look up. */
  get unanswered(): readonly string[] {
    return [...this.#dispatched.values()].filter(({ phase }) => phase === 'sent').map(({ claim }) => claim.id)
  }

  /** The task is not this process's any more: what is not sent is forgotten, and the owner is told of it and of the rest. */
  handOff(tell: (report: ClaimReport) => Promise<void>): void {
    this.#tell = tell
    for (const dispatched of this.#dispatched.values()) {
      dispatched.isTaken = false
      if (dispatched.phase === 'sent') this.#forget(dispatched)
      else if (dispatched.report !== undefined) this.#publish(dispatched)
    }
  }

  /** As if the process had died: nothing is told any more. */
  discard(): void {
    this.#dispatched.clear()
    this.#notifyEmpty()
  }

  /** The application ends: what has not been sent yet is not sent. */
  stop(): void {
    this.#closing.abort(new Error('the application is closing'))
  }

  /** The call is not made, and never will be under this claim. */
  #forget(dispatched: DispatchedClaim): void {
    dispatched.phase = 'over'
    this.#report(dispatched, { token: dispatched.claim.token, what: 'not-sent', by: 'owner' })
  }

  #start(dispatched: DispatchedClaim): void {
    dispatched.phase = 'running'
    const { token } = dispatched.claim
    const abort = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      const why = `it took longer than ${this.#plan.timeoutMs} ms`
      abort.abort(new DOMException(`the call took longer than ${this.#plan.timeoutMs} ms`, 'TimeoutError'))
      // a function that obeys the signal settles now; the doubt of one that does not is told before it has finished
      void this.#clock.yieldToEventLoop().then(() => {
        if (dispatched.phase === 'running')
          this.#report(dispatched, { token, what: 'in-doubt', by: 'owner', finished: false, why })
      })
    }, this.#plan.timeoutMs)
    const isOver = (report: Report): void => {
      dispatched.phase = 'over'
      this.#report(dispatched, report)
    }
    this.#call(dispatched.claim, abort, timer).then(isOver, () => {
      const why = 'it threw something that does not let itself be looked at'
      isOver({ token, what: 'in-doubt', by: 'owner', finished: true, why })
    })
  }

  /** Runs the user's function. Fails only if what that throws cannot be looked at. */
  async #call(
    { id, token, attempt, at, value, info }: NewClaim,
    abort: AbortController,
    timer: Timer,
  ): Promise<Report> {
    const { signal } = abort
    const { namespace, sink, call, connectMs, headersMs, bodyMs } = this.#plan
    const idempotencyKey = idempotencyKeyOf(namespace, id)
    let hasSent = false
    const fetch = fetchOnce({
      idempotencyKey,
      signal,
      closing: this.#closing.signal,
      clock: this.#clock,
      connectMs,
      headersMs,
      bodyMs,
      sending: () => {
        hasSent = true
      },
    })
    const doubt = (why: string): Report => ({
      token,
      what: 'in-doubt',
      by: 'owner',
      finished: true,
      why: why.slice(0, MAX_WHY),
    })
    let result: unknown
    try {
      result = await call(value, { id, idempotencyKey, attempt, claimedAt: at, record: info, signal, fetch })
    } catch (error) {
      if (!isNotSent(error)) return doubt(describe(error))
      return hasSent
        ? doubt(`it says that nothing was sent, but call.fetch has sent a request: ${describe(error)}`)
        : { token, what: 'not-sent', by: 'owner', why: describe(error).slice(0, MAX_WHY) }
    } finally {
      timer.cancel()
      abort.abort(new Error('the call is over')) // a fetch that nobody waits for sends nothing any more
    }
    try {
      return { token, what: 'done', by: 'owner', result: sink?.encode.encode(result) }
    } catch (error) {
      return doubt(`its result cannot be encoded for ${sink?.topic}: ${describe(error)}`)
    }
  }

  #report(dispatched: DispatchedClaim, report: Report): void {
    if (this.#dispatched.get(dispatched.claim.token) !== dispatched) return
    dispatched.report = report
    dispatched.isTaken = false
    if (this.#tell === undefined) this.#wake()
    else this.#publish(dispatched)
  }

  /** Tells the owner through the log, again and again until it is there: otherwise the call would stay in doubt. */
  #publish(dispatched: DispatchedClaim): void {
    const { report } = dispatched
    const tell = this.#tell
    if (report === undefined || tell === undefined) return
    const attempt = (wait: number): void => {
      if (dispatched.report !== report || this.#tell !== tell) return
      tell({ id: dispatched.claim.id, report: { ...report, by: 'claimant' } }).then(
        () => this.onReportsCommitted([{ id: dispatched.claim.id, report }]),
        (error: unknown) => {
          // the process ends: the call stays in doubt, and is told as such
          if (isJoineryError(error, 'LOG_CLOSED')) return this.discard()
          this.#clock.setTimeout(() => attempt(Math.min(wait * 2, LAST_RETRY_MS)), wait)
        },
      )
    }
    attempt(FIRST_RETRY_MS)
  }
}

/** What was thrown in words, with the error beneath it: `fetch failed` alone says nothing. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : `${error.message}`
}
