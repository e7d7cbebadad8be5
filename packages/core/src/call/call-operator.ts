import {
  type CallState,
  type Claim,
  encodeCall,
  type FinishedCall,
  isFinished,
  type ReadyCall,
} from '../changelog/call-record.js'
import { callKey } from '../changelog/keys.js'
import type { Rejection } from '../outcome/decode-and-run.js'
import type { CallEffects } from '../outcome/effects.js'
import { tooLarge } from '../outcome/failure.js'
import { OutcomeRecorder } from '../outcome/outcome-recorder.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { RecordError } from '../outcome/record-error.js'
import { newTotals, type Totals } from '../outcome/totals.js'
import type { CallPlan } from '../pipeline/call-plan.js'
import type { LogRecord } from '../record.js'
import { callEvents } from './call-events.js'
import { fingerprintOf } from './call-id.js'
import type { CallOperatorOptions } from './call-operator-options.js'
import { CallQueue } from './call-queue.js'
import type { CallReport } from './call-report.js'
import { CallResults } from './call-results.js'
import { checkCallTransition } from './call-transitions.js'
import { largestCallBytes, newCall } from './new-call.js'
import type { NewClaim } from './new-claim.js'
import { type PreparedCall, prepareCall } from './prepare-call.js'
import { orRetry, retryDelay } from './retry.js'
import { settle } from './settle.js'

/** The context in which a batch of records is taken. */
interface CallBatch {
  /** Fingerprints of the batch's own calls, by id. */
  readonly taken: Map<string, string>
  readonly now: number
  readonly effects: CallEffects
}

/**
 * The calls of one pipeline in one task: synchronous, without I/O. It takes records, reports and the stored states that they are
 * about, and returns its decisions as effects. It makes no calls itself: the call dispatcher does, once claims are committed.
 */
export class CallOperator {
  readonly plan: CallPlan
  readonly totals: Totals
  readonly queue: CallQueue
  readonly #options: CallOperatorOptions
  readonly #outcomes: OutcomeRecorder
  readonly #results: CallResults
  readonly #orphanedClaims = new Map<string, string>()
  #isFull = false

  constructor(plan: CallPlan, options: CallOperatorOptions, totals: Totals = newTotals()) {
    this.plan = plan
    this.totals = totals
    this.queue = new CallQueue(plan.concurrency, plan.blocks)
    this.#options = options
    const { stream } = plan
    const writer = new OutputWriter(options.application, stream, options.partition, options.outputs)
    this.#outcomes = new OutcomeRecorder({ plan, input: `stream ${stream}`, writer, totals })
    this.#results = new CallResults(plan, this.#outcomes, totals)
  }

  /** Ids of calls that previous owners claimed and whose outcome is unknown, by token. */
  get orphanedClaims(): ReadonlyMap<string, string> {
    return this.#orphanedClaims
  }

  /** Whether {@link process} stopped because too many calls already wait. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** Adds a stored open call. `isMine`: whether this process still holds the claim with that token. */
  restore(id: string, call: CallState, isMine: (token: string) => boolean): void {
    this.queue.enter(id, call)
    if (call.state === 'claimed' && !isMine(call.claim.token)) this.#orphanedClaims.set(call.claim.token, id)
  }

  /**
   * Processes stream records.
   *
   * @param prepared the result of {@link prepareCall} for each
   * @param found the stored calls with their ids
   * @returns how many it consumed: fewer than all if too many calls already wait, or if the next record halts the application
   * @throws RecordError if the first record halts the application; it has had no effect then
   */
  process(
    records: readonly LogRecord[],
    prepared: readonly PreparedCall[],
    found: readonly (CallState | undefined)[],
    now: number,
    effects: CallEffects,
  ): number {
    const batch: CallBatch = { taken: new Map(), now, effects }
    let i = 0
    this.#isFull = false
    try {
      for (; i < records.length && !this.#isFull; i++)
        this.#isFull = !this.#processOne(records[i] as LogRecord, prepared[i] as PreparedCall, found[i], batch)
      if (this.#isFull) i--
    } catch (error) {
      // what comes before it is complete; the next call throws
      if (i === 0 || !(error instanceof RecordError)) throw error
    }
    return i
  }

  /** @returns `false` if too many calls already wait: then the record was not consumed */
  #processOne(record: LogRecord, call: PreparedCall, stored: CallState | undefined, batch: CallBatch): boolean {
    const { taken, now, effects } = batch
    if (call.type !== 'call') this.#reject(record, call, effects)
    else {
      const fingerprint = fingerprintOf(record)
      const known = taken.get(call.id) ?? stored?.fingerprint
      if (known === fingerprint) this.#outcomes.drop(effects, record, 'duplicate')
      else if (known !== undefined)
        this.#outcomes.deadLetter(effects, this.plan.inDoubt, record, { reason: 'call-conflict', ageMs: 0 })
      else if (this.queue.ready >= this.plan.maxReady) return false
      else {
        this.#add(call.id, fingerprint, record, now, effects)
        taken.set(call.id, fingerprint)
      }
    }
    this.totals.in++
    return true
  }

  #add(id: string, fingerprint: string, record: LogRecord, now: number, effects: CallEffects): void {
    const { changelog } = this.#options
    const call = newCall(record, fingerprint, now)
    const largest = largestCallBytes(this.plan.name, id, call, this.#newClaim(now))
    if (largest > changelog.maxMessageBytes)
      this.#outcomes.handleFailure(effects, record, tooLarge('a call', largest, changelog))
    else {
      this.#put(id, undefined, call, effects)
      this.totals.waiting++
    }
  }

  #reject(record: LogRecord, rejection: Rejection, effects: CallEffects): void {
    if (rejection.type === 'drop') this.#outcomes.drop(effects, record, rejection.reason)
    else this.#outcomes.handleFailure(effects, record, rejection.failure)
  }

  #newClaim(now: number): Claim {
    return { token: this.#options.newToken(), claimant: this.#options.claimant, claimedAt: now }
  }

  /**
   * Claims the calls that may be made now.
   *
   * @param prepare runs the steps before a call; it returns `undefined` if no further call is to be claimed now
   * @returns the new claims: no request may be sent before they are committed
   * @throws RecordError if the record of the first call halts the application; it has had no effect then
   */
  claim(
    now: number,
    effects: CallEffects,
    prepare = (record: LogRecord): PreparedCall | undefined => prepareCall(this.plan, record),
  ): NewClaim[] {
    const claims: NewClaim[] = []
    let isFirst = true
    try {
      for (const { id, call } of this.queue.claimable(now)) {
        const prepared = prepare(call.record)
        if (prepared === undefined) break
        if (prepared.type === 'call') {
          const [claim, attempt] = [this.#newClaim(now), call.attempts + 1]
          this.#put(id, call, { ...call, state: 'claimed', attempts: attempt, claim }, effects)
          claims.push({ id, token: claim.token, attempt, claimedAt: now, value: prepared.value, info: prepared.info })
        } else this.#withdraw(id, call, prepared, now, effects)
        isFirst = false
      }
    } catch (error) {
      // what comes before it is complete; the next call throws
      if (isFirst || !(error instanceof RecordError)) throw error
    }
    return claims
  }

  /** Abandons a call that a new version of the pipeline no longer makes, or whose functions must not run again. */
  #withdraw(id: string, call: ReadyCall, rejection: Rejection, now: number, effects: CallEffects): void {
    const { fingerprint, offset, attempts, formerTokens, record } = call
    const end = { token: undefined, finishedAt: now, decision: undefined } as const
    this.#reject(record, rejection, effects) // first, because it may halt the application
    this.#put(id, call, { fingerprint, offset, attempts, formerTokens, ...end, state: 'abandoned' }, effects)
    this.totals.waiting--
  }

  /**
   * Applies a report of a claim to its call.
   *
   * @returns the call after that
   * @throws RecordError if the call cannot even be published as in doubt; the report has had no effect then
   */
  report(
    { id, report: reported, call, failure }: CallReport,
    now: number,
    effects: CallEffects,
  ): CallState | undefined {
    let report = failure === undefined ? orRetry(reported, call, this.plan.retryMs, now) : reported
    let settled = settle(call, report, now)
    if (settled.type === 'emit') {
      const why = this.#results.emit(report, (call as Exclude<CallState, FinishedCall>).record, effects, failure)
      if (why !== undefined) {
        // the request was made, but its result cannot be written: a person has to decide what it was
        report = { token: report.token, by: report.by, outcome: 'in-doubt', claimantFinished: true, why }
        settled = report.by === 'person' ? { type: 'contradiction' } : settle(call, report, now)
      }
    }
    const { token, by } = report
    if (settled.type === 'publish' && settled.call.state === 'in-doubt')
      this.#results.publish(id, settled.call, now, effects)
    const about = { pipeline: this.plan.name, callId: id, partition: this.#options.partition, token }
    for (const event of callEvents(about, settled, report)) effects.outcome(event)
    if (!('call' in settled)) return call
    const { call: next } = settled
    this.#orphanedClaims.delete(token)
    this.#put(id, call, next, effects, by === 'person' ? 0 : now + retryDelay(next.attempts))
    if (!isFinished(next)) return next
    this.totals.waiting--
    if (next.state === 'abandoned' && call !== undefined && 'record' in call)
      this.#outcomes.drop(effects, call.record, 'abandoned')
    return next
  }

  /** @returns whether a call is finished and its retention is over at `now` */
  isExpired(call: CallState, now: number): boolean {
    return isFinished(call) && call.finishedAt + this.plan.retentionMs <= now
  }

  /** Deletes a call that {@link isExpired}. */
  forget(id: string, effects: CallEffects): void {
    effects.putCall(callKey(this.plan.name, id), null)
  }

  #put(id: string, before: CallState | undefined, call: CallState, effects: CallEffects, notBefore?: number): void {
    checkCallTransition(before?.state, call.state)
    if (before !== undefined) this.queue.leave(id, before)
    this.queue.enter(id, call, notBefore)
    effects.putCall(callKey(this.plan.name, id), encodeCall(call))
  }
}
