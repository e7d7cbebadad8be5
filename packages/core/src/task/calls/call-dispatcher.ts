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
export interface CallReport {
  readonly id: string
  readonly report: Report
}

/** A claim of this process. */
interface Held {
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
export class RunningCalls {
  readonly #plan: CallPlan
  readonly #clock: Clock
  readonly #held = new Map<string, Held>()
  readonly #suspected = new Map<string, number>()
  readonly #closing = new AbortController()
  #wake: () => void = () => {}
  #empty: (() => void)[] = []
  /** Tells the task's owner, where this process is not it. */
  #tell: ((report: CallReport) => Promise<void>) | undefined

  constructor(plan: CallPlan, clock: Clock) {
    this.#plan = plan
    this.#clock = clock
    setMaxListeners(0, this.#closing.signal) // each call that connects listens
  }

  /** Functions that have not settled. */
  get running(): number {
    let count = 0
    for (const { phase } of this.#held.values()) if (phase === 'running') count++
    return count
  }

  /** Whether there is something to {@link take}. */
  get hasReports(): boolean {
    for (const { report, isTaken } of this.#held.values()) if (report !== undefined && !isTaken) return true
    return false
  }

  /** Since when a claim of somebody else is known here, in monotonic milliseconds; over all openings of the task. */
  suspectedSince(token: string): number {
    const since = this.#suspected.get(token) ?? this.#clock.monotonic()
    this.#suspected.set(token, since)
    return since
  }

  /** Whether this process holds the claim. */
  has(token: string): boolean {
    return this.#held.has(token)
  }

  /** Claims were put into work that will be committed. */
  claimed(claims: readonly NewClaim[]): void {
    for (const claim of claims) this.#held.set(claim.token, { claim, phase: 'sent', report: undefined, isTaken: false })
  }

  /**
   * The claims are committed: now, and only now, their calls may be made. The guard only narrows a window; that nothing is
   * called twice never rests on it.
   *
   * @param sentAt when the commit was sent, in monotonic milliseconds
   * @param mayStart whether the task is still this process's, and goes on
   */
  acknowledged(claims: readonly NewClaim[], sentAt: number, mayStart: boolean): void {
    const isFresh = this.#clock.monotonic() - sentAt < DISPATCH_WINDOW_MS
    for (const { token } of claims) {
      const held = this.#held.get(token)
      if (held?.phase !== 'sent') continue
      if (mayStart && isFresh) this.#start(held)
      else this.#forget(held)
    }
  }

  /** What has to be told and is not in uncommitted work yet; it is taken into such work now. */
  take(): readonly CallReport[] {
    const reports: CallReport[] = []
    for (const held of this.#held.values()) {
      if (held.report === undefined || held.isTaken) continue
      held.isTaken = true
      reports.push({ id: held.claim.id, report: held.report })
    }
    return reports
  }

  /** Reports that {@link take} gave are committed. */
  told(reports: readonly CallReport[]): void {
    for (const { report } of reports) {
      const held = this.#held.get(report.token)
      if (held === undefined || held.report !== report) continue // it has more to say by now
      held.report = undefined
      held.isTaken = false
      if (held.phase === 'over') this.#held.delete(report.token)
    }
    this.#tellEmpty()
  }

  /** Resolves when no call runs any more, and what became of each is told. */
  async settled(): Promise<void> {
    if (this.#held.size > 0) await new Promise<void>((resolve) => this.#empty.push(resolve))
  }

  #tellEmpty(): void {
    if (this.#held.size === 0) for (const resolve of this.#empty.splice(0)) resolve()
  }

  /**
   * The task was opened, for the first time or anew, and this is what is committed: calls that were claimed in a commit
   * whose answer never came are made if the claim is there.
   *
   * @param suspects tokens of claims that others have left
   */
  adopt(find: (id: string) => CallState | undefined, suspects: Iterable<string>, wake: () => void): void {
    this.#wake = wake
    this.#tell = undefined
    const known = new Map(this.#suspected)
    this.#suspected.clear()
    for (const token of suspects) this.#suspected.set(token, known.get(token) ?? this.#clock.monotonic())
    for (const held of [...this.#held.values()]) {
      held.isTaken = false
      if (held.phase !== 'sent') continue
      const call = find(held.claim.id)
      const isThere = call !== undefined && 'claim' in call && call.claim.token === held.claim.token
      if (!isThere) this.#held.delete(held.claim.token)
      else if (call.state === 'claimed') this.#start(held)
      else this.#forget(held)
    }
  }

  /** Ids of claims whose fate {@link adopt} has to look up. */
  get unanswered(): readonly string[] {
    return [...this.#held.values()].filter(({ phase }) => phase === 'sent').map(({ claim }) => claim.id)
  }

  /** The task is not this process's any more: what is not sent is forgotten, and the owner is told of it and of the rest. */
  release(tell: (report: CallReport) => Promise<void>): void {
    this.#tell = tell
    for (const held of this.#held.values()) {
      held.isTaken = false
      if (held.phase === 'sent') this.#forget(held)
      else if (held.report !== undefined) this.#say(held)
    }
  }

  /** As if the process had died: nothing is told any more. */
  drop(): void {
    this.#held.clear()
    this.#tellEmpty()
  }

  /** The application ends: what has not been sent yet is not sent. */
  stop(): void {
    this.#closing.abort(new Error('the application is closing'))
  }

  /** The call is not made, and never will be under this claim. */
  #forget(held: Held): void {
    held.phase = 'over'
    this.#report(held, { token: held.claim.token, what: 'not-sent', by: 'owner' })
  }

  #start(held: Held): void {
    held.phase = 'running'
    const { token } = held.claim
    const abort = new AbortController()
    const timer = this.#clock.setTimeout(() => {
      const why = `it took longer than ${this.#plan.timeoutMs} ms`
      abort.abort(new DOMException(`the call took longer than ${this.#plan.timeoutMs} ms`, 'TimeoutError'))
      // a function that obeys the signal settles now; the doubt of one that does not is told before it has finished
      void this.#clock.breathe().then(() => {
        if (held.phase === 'running') this.#report(held, { token, what: 'in-doubt', by: 'owner', finished: false, why })
      })
    }, this.#plan.timeoutMs)
    const isOver = (report: Report): void => {
      held.phase = 'over'
      this.#report(held, report)
    }
    this.#call(held.claim, abort, timer).then(isOver, () => {
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
        : { token, what: 'not-sent', by: 'owner' }
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

  #report(held: Held, report: Report): void {
    if (this.#held.get(held.claim.token) !== held) return
    held.report = report
    held.isTaken = false
    if (this.#tell === undefined) this.#wake()
    else this.#say(held)
  }

  /** Tells the owner through the log, again and again until it is there: otherwise the call would stay in doubt. */
  #say(held: Held): void {
    const { report } = held
    const tell = this.#tell
    if (report === undefined || tell === undefined) return
    const attempt = (wait: number): void => {
      if (held.report !== report || this.#tell !== tell) return
      tell({ id: held.claim.id, report: { ...report, by: 'claimant' } }).then(
        () => this.told([{ id: held.claim.id, report }]),
        (error: unknown) => {
          // the process ends: the call stays in doubt, and is told as such
          if (isJoineryError(error, 'LOG_CLOSED')) return this.drop()
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
