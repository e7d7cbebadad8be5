import {
  type CallState,
  type Claim,
  type Claimant,
  encodeCall,
  isFinished,
  type ReadyCall,
} from '../changelog/call-record.js'
import { callKey } from '../changelog/keys.js'
import type { Report } from '../changelog/report-record.js'
import { JoineryError } from '../errors.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { TopicInfo } from '../log/contract.js'
import type { CallEffects, OutputTopicInfo } from '../outcome/effects.js'
import { OutputWriter } from '../outcome/output-writer.js'
import { countUp, newTotals, type Totals } from '../outcome/totals.js'
import type { CallPlan } from '../pipeline/call-plan.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { RecordInfo } from '../pipeline/record-info.js'
import { type LogRecord, NO_HEADERS, originOf } from '../record.js'
import { fingerprintOf } from './call-id.js'
import { CallQueue } from './call-queue.js'
import { inDoubtHeaders } from './in-doubt-headers.js'
import { type PreparedCall, prepareCall } from './prepare-call.js'
import { settle } from './settle.js'

/** A claim that was just written: the request may be made once it is committed. */
export interface NewClaim {
  readonly id: string
  readonly token: string
  readonly attempt: number
  /** In milliseconds since the epoch. */
  readonly at: number
  readonly value: unknown
  readonly info: RecordInfo<unknown>
}

/** What an operator of calls works for. */
export interface CallOperatorOptions {
  readonly application: string
  readonly partition: number
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
  readonly claimant: Claimant
  /** A new random token. */
  readonly newToken: () => string
}

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/**
 * The calls of one pipeline in one task: synchronous, without I/O. It is given records, reports and the stored states that
 * they are about; it answers with effects. Who makes the calls, and when, is not its business.
 */
export class CallOperator {
  readonly plan: CallPlan
  readonly totals: Totals
  readonly queue: CallQueue
  readonly #options: CallOperatorOptions
  readonly #writer: OutputWriter
  /** Claims of owners before this one, whose fate is not known. */
  readonly #orphanedClaims = new Map<string, string>()

  constructor(plan: CallPlan, options: CallOperatorOptions, totals: Totals = newTotals()) {
    this.plan = plan
    this.totals = totals
    this.queue = new CallQueue(plan.concurrency, plan.blocks)
    this.#options = options
    this.#writer = new OutputWriter(options.application, plan.stream, options.partition, options.outputs)
  }

  /** Ids of claims that former owners have left open, by token. */
  get orphanedClaims(): ReadonlyMap<string, string> {
    return this.#orphanedClaims
  }

  /** Takes an open call back. `isMine`: whether this process still holds the claim of that token. */
  restore(id: string, call: CallState, isMine: (token: string) => boolean): void {
    this.queue.enter(id, call)
    if (call.state === 'claimed' && !isMine(call.claim.token)) this.#orphanedClaims.set(call.claim.token, id)
  }

  /**
   * Takes records in.
   *
   * @param asked what `askFor` said of each
   * @param found the calls of their ids, as stored
   * @returns how many it consumed: fewer than all when too many calls wait already
   */
  intake(
    records: readonly LogRecord[],
    asked: readonly PreparedCall[],
    found: readonly (CallState | undefined)[],
    now: number,
    effects: CallEffects,
  ): number {
    /** Fingerprints of this batch's own calls, by id. */
    const taken = new Map<string, string>()
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord
      const ask = asked[i] as PreparedCall
      if (ask.does === 'drop') this.#drop(record, ask.reason, effects)
      else if (ask.does === 'fail') this.#fail(record, ask.reason, ask.error, effects)
      else {
        const fingerprint = fingerprintOf(record)
        const known = taken.get(ask.id) ?? found[i]?.fingerprint
        if (known === fingerprint) this.#drop(record, 'duplicate', effects)
        else if (known !== undefined) this.#deadLetter(record, this.plan.inDoubt, 'call-conflict', effects)
        else if (this.queue.ready >= this.plan.maxReady) return i
        else {
          taken.set(ask.id, fingerprint)
          this.#take(ask.id, fingerprint, record, now, effects)
        }
      }
      this.totals.in++
    }
    return records.length
  }

  #take(id: string, fingerprint: string, record: LogRecord, now: number, effects: CallEffects): void {
    const call: ReadyCall = {
      state: 'ready',
      fingerprint,
      offset: record.offset,
      attempts: 0,
      formerTokens: [],
      record,
      arrival: now,
    }
    const claimed: CallState = { ...call, state: 'in-doubt', claim: this.#newClaim(now), ...LARGEST_IN_DOUBT }
    const largest = batchBytes(callKey(this.plan.name, id), encodeCall(claimed), NO_HEADERS)
    const { topic, maxMessageBytes } = this.#options.changelog
    if (largest > maxMessageBytes) {
      const { partition, offset } = record
      const error = new JoineryError(
        'RECORD_TOO_LARGE',
        `a call takes up to ${largest} bytes, which is more than ${topic} takes (${maxMessageBytes}) (${record.topic}[${partition}] at offset ${offset}): raise its max.message.bytes, or set onError: { deadLetter }`,
        { topic: record.topic, partition, offset },
      )
      this.#fail(record, 'too-large', error, effects)
      return
    }
    this.#put(id, undefined, call, effects)
    this.totals.waiting++
  }

  #newClaim(at: number): Claim {
    return { token: this.#options.newToken(), claimant: this.#options.claimant, at }
  }

  /** Claims what may be called now. Nothing is sent before the claims are committed. */
  claim(now: number, effects: CallEffects): NewClaim[] {
    const claims: NewClaim[] = []
    for (const { id, call } of this.queue.claimable(now)) {
      const ask = prepareCall(this.plan, call.record)
      if (ask.does === 'call') {
        const claim = this.#newClaim(now)
        const attempt = call.attempts + 1
        this.#put(id, call, { ...call, state: 'claimed', attempts: attempt, claim }, effects)
        claims.push({ id, token: claim.token, attempt, at: now, value: ask.value, info: ask.info })
      } else this.#withdraw(id, call, ask, now, effects)
    }
    return claims
  }

  /** The pipeline is not what it was when the record came in: it asks for no call any more. */
  #withdraw(
    id: string,
    call: ReadyCall,
    ask: Exclude<PreparedCall, { does: 'call' }>,
    now: number,
    effects: CallEffects,
  ): void {
    const { fingerprint, offset, attempts, formerTokens, record } = call
    const common = {
      fingerprint,
      offset,
      attempts,
      formerTokens,
      token: undefined,
      finishedAt: now,
      decided: undefined,
    }
    this.#put(id, call, { ...common, state: 'abandoned' }, effects)
    this.totals.waiting--
    if (ask.does === 'drop') this.#drop(record, ask.reason, effects)
    else this.#fail(record, ask.reason, ask.error, effects)
  }

  /** Applies what somebody says of a claim to the call, as stored. Answers what the call is then. */
  report(
    id: string,
    said: Report,
    call: CallState | undefined,
    now: number,
    effects: CallEffects,
  ): CallState | undefined {
    let report = this.#retried(said, call, now)
    let settled = settle(call, report, now)
    if (!('ignored' in settled) && settled.does === 'emit') {
      const why = this.#emit(report, call as Exclude<CallState, { state: 'done' | 'abandoned' }>, effects)
      if (why !== undefined) {
        // the request was made, but its result cannot be told: somebody has to say what it was
        report = { token: report.token, by: report.by, what: 'in-doubt', finished: true, why }
        settled = report.by === 'operator' ? { ignored: 'contradiction' } : settle(call, report, now)
      }
    }
    const { token, why: reason = report.what, by, decided } = report
    const event = { pipeline: this.plan.name, callId: id, partition: this.#options.partition, token }
    if ('ignored' in settled) {
      if (settled.ignored === 'contradiction') effects.outcome({ ...event, type: 'call-contradiction', reason })
      return call
    }
    const { call: next, does } = settled
    this.#orphanedClaims.delete(token)
    this.#put(id, call, next, effects, by === 'operator' ? 0 : now + retryDelay(next.attempts))
    if (does === 'surface' && next.state === 'in-doubt') {
      this.#writer.deadLetter(effects, this.plan.inDoubt, next.record, {
        reason: 'in-doubt',
        ageMs: now - next.arrival,
        what: next.why,
        more: inDoubtHeaders(id, next),
      })
      this.totals.inDoubt = (this.totals.inDoubt ?? 0) + 1
      effects.outcome({ ...event, type: 'in-doubt', reason: next.why })
    }
    if (by === 'operator' && decided !== undefined)
      effects.outcome({
        ...event,
        type: 'call-resolved',
        reason: `${decided.by} decided ${report.what}: ${decided.why}`,
      })
    if (!isFinished(next)) return next
    this.totals.waiting--
    if (next.state === 'done') this.totals.emitted++
    else if (call !== undefined && 'record' in call) this.#drop(call.record, 'abandoned', effects)
    return next
  }

  /** In `mode: 'at-least-once'` a call of which nothing is known is made again. */
  #retried(report: Report, call: CallState | undefined, now: number): Report {
    const { retryMs } = this.plan
    if (retryMs === undefined || report.what !== 'in-doubt' || call?.state !== 'claimed') return report
    if (now - call.arrival >= retryMs) return report
    return { token: report.token, what: 'not-sent', by: report.by, mayBeSent: true }
  }

  /** Writes the result of a call; answers why it cannot be written. */
  #emit({ result }: Report, { record }: { readonly record: LogRecord }, effects: CallEffects): string | undefined {
    const { sink } = this.plan
    if (sink === undefined) return undefined
    if (result === undefined) return `there is no result for ${sink.topic}`
    const done = this.#writer.emit(effects, sink.topic, record, result)
    if (done === 'too-large') return `its result of ${result.length} bytes is more than ${sink.topic} takes`
    if (done === 'clamped') this.totals.clamped++
    return undefined
  }

  /** Whether a call is finished, and its retention over at `now`. */
  isOver(call: CallState, now: number): boolean {
    return isFinished(call) && call.finishedAt + this.plan.retentionMs <= now
  }

  /** Forgets a call that {@link isOver}. */
  forget(id: string, effects: CallEffects): void {
    effects.putCall(callKey(this.plan.name, id), null)
  }

  #put(id: string, before: CallState | undefined, call: CallState, effects: CallEffects, notBefore?: number): void {
    if (before !== undefined) this.queue.leave(id, before)
    this.queue.enter(id, call, notBefore)
    effects.putCall(callKey(this.plan.name, id), encodeCall(call))
  }

  #drop(record: LogRecord, reason: Reason, effects: CallEffects): void {
    countUp(this.totals.dropped, reason)
    effects.outcome({ type: 'dropped', reason, origin: originOf(record) })
  }

  #fail(record: LogRecord, reason: Reason, error: JoineryError, effects: CallEffects): void {
    const { onError } = this.plan
    if (onError === 'halt') throw error
    this.#deadLetter(record, onError.topic, reason, effects, error)
  }

  #deadLetter(record: LogRecord, topic: string, reason: Reason, effects: CallEffects, error?: JoineryError): void {
    if (this.#writer.deadLetter(effects, topic, record, { reason, ageMs: 0, error }) === 'clamped')
      this.totals.clamped++
    countUp(this.totals.deadLettered, reason)
    effects.outcome({ type: 'dead-lettered', reason, origin: originOf(record), ...(error && { error }) })
  }
}

/** What a doubt may add to a call at most. */
const LARGEST_IN_DOUBT = { since: Number.MAX_SAFE_INTEGER, finished: false, why: 'x'.repeat(1_000) } as const

/** How long a call that was not sent rests before its next attempt, in milliseconds. */
function retryDelay(attempts: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), LAST_RETRY_MS)
}
