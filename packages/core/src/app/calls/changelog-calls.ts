import { isUint8Array } from 'node:util/types'
import { type CallState, decodeCall } from '../../changelog/call-record.js'
import { parseChangelogKey } from '../../changelog/keys.js'
import { type Report, reportRecord } from '../../changelog/report-record.js'
import { reportsTopic } from '../../changelog/reports-topic.js'
import type { Clock } from '../../clock.js'
import { JoineryError } from '../../errors.js'
import type { Log } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'
import type { Encoder } from '../../serde/serde.js'
import { encoded } from '../../serde/serde-result.js'
import { checkOptionNames, type OptionNames } from '../../unknown-options.js'
import type { CallDecision, InDoubtCall, InDoubtCalls } from './in-doubt-call.js'

/** Options of {@link ChangelogCalls}. */
export interface InDoubtCallsSource {
  readonly application: string
  readonly log: Pick<Log, 'source' | 'sink'>
  readonly clock: Clock
  /** The known call pipelines; `undefined` stands for any pipeline, and results are bytes then. */
  readonly plans: readonly ResolvablePipeline[] | undefined
}

/** What resolving a call needs to know about its pipeline. */
export interface ResolvablePipeline {
  readonly name: string
  readonly blocks: boolean
  readonly sink: { readonly topic: string; readonly encode: Encoder<unknown> } | undefined
}

const DECISION: OptionNames & Readonly<Record<keyof Extract<CallDecision<unknown>, { outcome: 'done' }>, true>> = {
  outcome: true,
  decidedBy: true,
  reason: true,
  claimantHasEnded: true,
  result: true,
}

/** The calls in doubt of one pipeline, or of all. */
export class ChangelogCalls<R> implements InDoubtCalls<R> {
  readonly #options: InDoubtCallsSource

  constructor(options: InDoubtCallsSource) {
    this.#options = options
  }

  async *list(): AsyncGenerator<InDoubtCall, void, void> {
    const { application, log } = this.#options
    const topic = `${application}-changelog`
    const [info] = await log.source.describe([topic])
    for (let partition = 0; partition < (info?.partitions ?? 0); partition++) yield* this.#inDoubtOf(topic, partition)
  }

  async *#inDoubtOf(topic: string, partition: number): AsyncGenerator<InDoubtCall, void, void> {
    const { source } = this.#options.log
    const at = { topic, partition }
    const end = await source.endOffset(at, 'last-stable-offset')
    const offset = await source.earliestOffset(at)
    if (offset >= end) return
    const found = new Map<string, InDoubtCall>()
    const stop = new AbortController()
    for await (const { records, next } of source.read({ ...at, offset }, stop.signal)) {
      for (const record of records) this.#note(record, partition, found)
      if (next >= end) break
    }
    stop.abort()
    yield* found.values()
  }

  #note({ key: bytes, value }: LogRecord, partition: number, found: Map<string, InDoubtCall>): void {
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
    const { record, claim, since, finished: claimantFinished, why: reason } = call
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
      reason,
      claimantFinished,
    })
  }

  async resolve(call: InDoubtCall, decision: CallDecision<R>): Promise<void> {
    const { application, log, clock, plans } = this.#options
    const plan = plans?.find(({ name }) => name === call.pipeline)
    this.#check(call, decision, plan)
    const at = clock.now()
    const { decidedBy, reason, outcome } = decision
    const report: Report = {
      token: call.token,
      outcome,
      by: 'operator',
      result: outcome === 'done' ? resultOf(decision.result, call, plan) : undefined,
      decided: { by: decidedBy, why: reason, at },
    }
    const message = { ...report, type: 'report', pipeline: call.pipeline, id: call.id } as const
    await log.sink.append([reportRecord(reportsTopic(application), call.origin.partition, message, at)])
  }

  #check({ id, claimantFinished }: InDoubtCall, decision: CallDecision<R>, plan: ResolvablePipeline | undefined): void {
    checkOptionNames('resolve', decision, DECISION)
    const { decidedBy, reason, outcome, claimantHasEnded = false } = decision
    const missing = decidedBy.trim() === '' ? 'decidedBy' : reason.trim() === '' ? 'reason' : undefined
    if (missing !== undefined) throw undecidable(id, `${missing} is missing`)
    // an unknown pipeline may be one with whenInDoubt: 'block'
    const isRisky = outcome === 'not-sent' || (plan?.blocks ?? true)
    if (isRisky && !claimantFinished && !claimantHasEnded)
      throw undecidable(
        id,
        `its claimant has not reported that it is finished, and may still send the request: make sure that its process has ended, check again whether the request was made, and set claimantHasEnded`,
      )
    if (outcome === 'done' && plan?.sink !== undefined && decision.result === undefined)
      throw undecidable(id, `a result is required, because it is written to ${plan.sink.topic}`)
  }
}

function resultOf(result: unknown, { id }: InDoubtCall, plan: ResolvablePipeline | undefined): Uint8Array | undefined {
  if (plan === undefined) return isUint8Array(result) ? result : undefined
  if (plan.sink === undefined) return undefined
  try {
    return encoded(plan.sink.encode.encode(result))
  } catch (cause) {
    throw new JoineryError(
      'ENCODE_FAILED',
      `the result of call ${id} cannot be encoded as a value of ${plan.sink.topic}`,
      {
        cause,
        topic: plan.sink.topic,
      },
    )
  }
}

const undecidable = (id: string, why: string): JoineryError =>
  new JoineryError('CALL_UNDECIDABLE', `call ${id} cannot be resolved: ${why}`)
