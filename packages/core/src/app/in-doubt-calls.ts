import { isUint8Array } from 'node:util/types'
import { type CallState, type Claimant, decodeCall } from '../changelog/call-record.js'
import { parseChangelogKey } from '../changelog/keys.js'
import { encodeReport, type Report } from '../changelog/report-record.js'
import { reportsTopic } from '../changelog/reports-topic.js'
import type { Clock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type { Log } from '../log/contract.js'
import { type LogRecord, NO_HEADERS, type Origin } from '../record.js'
import type { Encoder } from '../serde/serde.js'

/** A call of which nobody here knows whether its request was made. */
export interface Doubt {
  /** The call. */
  readonly id: string
  /** Its pipeline. */
  readonly pipeline: string
  /** The claim in doubt: a decision is about it, and about no later one. */
  readonly token: string
  /** Who may have made the request. */
  readonly claimant: Claimant
  /** Where the record lies that asked for the call. */
  readonly origin: Origin
  /** The record, as it came. */
  readonly record: LogRecord
  /** Since when it is in doubt, in milliseconds since the epoch. */
  readonly since: number
  /** What is known, in words. */
  readonly why: string
  /** Whether the claimant has said that it sends nothing more. */
  readonly finished: boolean
}

/** What a person decided of a call in doubt. */
export type CallDecision<R> = {
  /** Who decides; kept with the decision. */
  readonly by: string
  /** Why; kept with the decision. */
  readonly why: string
  /**
   * You have made sure that the claimant's process has ended, and gathered your evidence after that. Where the claimant has
   * not said that it is finished, `'not-sent'` needs it, because a process that was paused may still send; with
   * `whenInDoubt: 'block'` every decision does.
   */
  readonly claimantHasEnded?: boolean
} & (
  | {
      /** The request was made. */
      readonly was: 'done'
      /** What is written to the sink; needed if the pipeline has one. */
      readonly result?: R
    }
  | {
      /** The request was not made: the call is made again. */
      readonly was: 'not-sent'
    }
  | {
      /** The call is given up. */
      readonly was: 'abandoned'
    }
)

/** Calls in doubt, of all instances. */
export interface Calls<R> {
  /** What is in doubt now, by reading the application's changelog. */
  inDoubt(): AsyncIterable<Doubt>
  /**
   * Decides a doubt. Resolves once the decision is in the log; the task's owner applies it, unless the doubt has been
   * settled meanwhile.
   *
   * @throws JoineryError `CALL_UNDECIDABLE` while the decision could cause a second request, or lacks a result;
   * `ENCODE_FAILED` for a result that the sink does not take
   */
  resolve(doubt: Doubt, decision: CallDecision<R>): Promise<void>
}

/** What {@link Calls} are read from and written to. */
export interface CallsOptions {
  readonly application: string
  readonly log: Pick<Log, 'source' | 'sink'>
  readonly clock: Clock
  /** The pipelines of calls that are known here; `undefined`: any, and results are bytes. */
  readonly plans: readonly CallsPlan[] | undefined
}

/** What has to be known of a pipeline to decide its calls. */
export interface CallsPlan {
  readonly name: string
  readonly blocks: boolean
  readonly sink: { readonly topic: string; readonly encode: Encoder<unknown> } | undefined
}

/** The calls of one pipeline, or of all. */
export class LoggedCalls<R> implements Calls<R> {
  readonly #options: CallsOptions

  constructor(options: CallsOptions) {
    this.#options = options
  }

  async *inDoubt(): AsyncGenerator<Doubt, void, void> {
    const { application, log } = this.#options
    const topic = `${application}-changelog`
    const [info] = await log.source.describe([topic])
    for (let partition = 0; partition < (info?.partitions ?? 0); partition++) yield* this.#inDoubtOf(topic, partition)
  }

  async *#inDoubtOf(topic: string, partition: number): AsyncGenerator<Doubt, void, void> {
    const { source } = this.#options.log
    const at = { topic, partition }
    const end = await source.end(at, 'stable')
    const offset = await source.earliest(at)
    if (offset >= end) return
    const found = new Map<string, Doubt>()
    const stop = new AbortController()
    for await (const { records, next } of source.read({ ...at, offset }, stop.signal)) {
      for (const record of records) this.#note(record, partition, found)
      if (next >= end) break
    }
    stop.abort()
    yield* found.values()
  }

  #note({ key: bytes, value }: LogRecord, partition: number, found: Map<string, Doubt>): void {
    if (bytes === null) return
    const key = parseChangelogKey(bytes)
    if (key.kind !== 'call') return
    const { pipeline, id } = key
    const { plans } = this.#options
    if (plans?.every(({ name }) => name !== pipeline)) return
    const name = JSON.stringify([pipeline, id])
    const call: CallState | undefined = value === null ? undefined : decodeCall(value, pipeline, partition)
    if (call?.state !== 'in-doubt') {
      found.delete(name)
      return
    }
    const { record, claim, since, finished, why } = call
    const { token, claimant } = claim
    const { topic, offset } = record
    found.set(name, {
      id,
      pipeline,
      token,
      claimant,
      origin: { topic, partition, offset },
      record,
      since,
      why,
      finished,
    })
  }

  async resolve(doubt: Doubt, decision: CallDecision<R>): Promise<void> {
    const { application, log, clock, plans } = this.#options
    const plan = plans?.find(({ name }) => name === doubt.pipeline)
    this.#check(doubt, decision, plan)
    const at = clock.now()
    const { by, why, was } = decision
    const report: Report = {
      token: doubt.token,
      what: was,
      by: 'operator',
      result: was === 'done' ? resultOf(decision.result, doubt, plan) : undefined,
      decided: { by, why, at },
    }
    const value = encodeReport({ ...report, type: 'report', pipeline: doubt.pipeline, id: doubt.id })
    const { partition } = doubt.origin
    await log.sink.append([
      { topic: reportsTopic(application), partition, key: null, value, timestamp: at, headers: NO_HEADERS },
    ])
  }

  #check({ id, finished }: Doubt, decision: CallDecision<R>, plan: CallsPlan | undefined): void {
    const { by, why, was, claimantHasEnded = false } = decision
    const missing = by.trim() === '' ? 'who decides (by)' : why.trim() === '' ? 'why (why)' : undefined
    if (missing !== undefined) throw undecidable(id, `a decision has to say ${missing}`)
    // a pipeline that is not known here may block
    const isRisky = was === 'not-sent' || (plan?.blocks ?? true)
    if (isRisky && !finished && !claimantHasEnded)
      throw undecidable(
        id,
        `its claimant has not said that it is finished, and may still send: make sure that its process has ended, look again whether the request was made, and say claimantHasEnded`,
      )
    if (was === 'done' && plan?.sink !== undefined && decision.result === undefined)
      throw undecidable(id, `its result has to be given, because it is written to ${plan.sink.topic}`)
  }
}

function resultOf(result: unknown, { id }: Doubt, plan: CallsPlan | undefined): Uint8Array | undefined {
  if (plan === undefined) return isUint8Array(result) ? result : undefined
  if (plan.sink === undefined) return undefined
  try {
    return plan.sink.encode.encode(result)
  } catch (cause) {
    throw new JoineryError('ENCODE_FAILED', `the result of call ${id} cannot be encoded for ${plan.sink.topic}`, {
      cause,
      topic: plan.sink.topic,
    })
  }
}

const undecidable = (id: string, why: string): JoineryError =>
  new JoineryError('CALL_UNDECIDABLE', `call ${id} cannot be decided like this: ${why}`)
