import { type CallDecision, type InDoubtCall, type InDoubtCalls, isJoineryError } from '@joinery/core'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import type { SimCalls } from '../scenario/call-scenario.js'
import { REQUESTS, type SimReply, type SimRequest } from '../scenario/call-values.js'
import type { RequestLedger } from './request-ledger.js'

const SIGNATURE = { decidedBy: 'operator', reason: 'as the service says' } as const
/** The share of calls in doubt that the operator resolves each time. */
const DECISION_RATE = 0.6
const FINISHING_INTERVAL_MS = 1_000

/** The sources of the operator's information. */
export interface HumanOperatorOptions {
  readonly cluster: SimCluster
  readonly calls: SimCalls
  readonly ledger: RequestLedger
  readonly instances: readonly Instance[]
}

/**
 * A human operator who resolves calls in doubt through any instance. The operator knows which requests the service received and
 * which processes are alive, always decides truthfully, sometimes resolves a call twice, and sometimes tries a decision that must be
 * rejected.
 */
export class HumanOperator {
  readonly #options: HumanOperatorOptions
  readonly #random: Random
  readonly violations: Violation[] = []
  #isFinishing = false

  constructor(options: HumanOperatorOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  /** Resolves calls periodically. */
  start(everyMs: number | undefined): void {
    if (everyMs === undefined) return
    this.#options.cluster.eventLoop.schedule(
      this.#random.between(1, 2 * everyMs),
      'the operator resolves calls in doubt',
      () => {
        this.#resolveSome()
        this.start(everyMs)
      },
    )
  }

  /** From now on, resolves every call in doubt that blocks others. */
  finish(): void {
    if (this.#isFinishing || this.#options.calls.whenInDoubt !== 'block') return
    this.#isFinishing = true
    this.start(FINISHING_INTERVAL_MS)
  }

  #resolveSome(): void {
    const up = this.#options.instances.filter(({ inDoubtCalls }) => inDoubtCalls !== undefined)
    if (up.length === 0) return
    const { inDoubtCalls } = this.#random.pick(up)
    this.#resolveAll(inDoubtCalls as InDoubtCalls<SimReply>).catch((error: unknown) => {
      if (!isJoineryError(error)) this.#violation(`a decision failed with ${String(error)}`)
    })
  }

  async #resolveAll(calls: InDoubtCalls<SimReply>): Promise<void> {
    for await (const call of calls.list()) {
      if (!this.#isFinishing && !this.#random.chance(DECISION_RATE)) continue
      await this.#tryUnsafeDecision(calls, call)
      const decision = this.#decisionFor(call)
      if (decision === undefined) continue
      await calls.resolve(call, decision)
      if (this.#random.chance(0.15)) await calls.resolve(call, this.#decisionFor(call) ?? decision)
    }
  }

  /** A claimant that has not reported that it is finished may still send the request. */
  async #tryUnsafeDecision(calls: InDoubtCalls<SimReply>, call: InDoubtCall): Promise<void> {
    if (call.claimantFinished || !this.#random.chance(0.3)) return
    try {
      await calls.resolve(call, { ...SIGNATURE, outcome: 'not-sent' })
    } catch (error) {
      if (isJoineryError(error, 'CALL_UNDECIDABLE')) return
      throw error
    }
    this.#violation(`${call.id} was resolved as not sent although its claimant may still send it`)
  }

  #decisionFor(call: InDoubtCall): CallDecision<SimReply> | undefined {
    const { calls, instances } = this.#options
    const hasEnded = instances.every(({ process }) => process?.name !== call.claimant.host)
    const isOver = call.claimantFinished || hasEnded
    if (!isOver && calls.whenInDoubt === 'block') return undefined
    const outcomes: CallDecision<SimReply>['outcome'][] = ['done', 'abandoned']
    if (isOver && !this.#wasSent(call)) outcomes.push('not-sent', 'not-sent', 'not-sent')
    const outcome = this.#random.pick(outcomes)
    const signature = { ...SIGNATURE, claimantHasEnded: hasEnded }
    if (outcome !== 'done') return { ...signature, outcome }
    const { number } = JSON.parse(Buffer.from(call.record.value as Uint8Array).toString()) as SimRequest
    return { ...signature, outcome, ...(calls.hasSink && { result: { number, status: 299, pad: '' } }) }
  }

  /** Whether a request was sent after its record was written. Requests of an earlier call with the same id do not count. */
  #wasSent({ id, origin: { partition, offset } }: InDoubtCall): boolean {
    const { cluster, ledger } = this.#options
    const since = cluster.partition(REQUESTS, partition).entries[offset]?.at ?? 0
    return ledger.of(id).some(({ begunAt, sentAt }) => begunAt >= since && sentAt !== undefined)
  }

  #violation(text: string): void {
    this.violations.push({ law: 'unsafe decisions are rejected', text })
  }
}
