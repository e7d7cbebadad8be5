import { type CallDecision, type InDoubtCall, type InDoubtCalls, isJoineryError } from '@joinery/core'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import type { SimCalls } from '../scenario/call-scenario.js'
import { REQUESTS, type SimAnswer, type SimAsk } from '../scenario/call-values.js'
import type { RequestLedger } from './request-ledger.js'

const SIGNED = { decidedBy: 'somebody', reason: 'as the service says' } as const
/** How often a doubt is decided when somebody looks at it. */
const DECIDES = 0.6
const LAST_LOOKS_MS = 1_000

/** Whom a person asks. */
export interface Asked {
  readonly cluster: SimCluster
  readonly calls: SimCalls
  readonly ledger: RequestLedger
  readonly instances: readonly Instance[]
}

/**
 * Somebody who decides calls in doubt, from any instance: knows what the service has seen and which processes are alive,
 * says the truth, and sometimes tries what must be refused, or decides twice.
 */
export class Person {
  readonly #asked: Asked
  readonly #random: Random
  readonly violations: Violation[] = []
  #isLast = false

  constructor(asked: Asked, random: Random) {
    this.#asked = asked
    this.#random = random
  }

  /** Looks again and again. */
  start(everyMs: number | undefined): void {
    if (everyMs === undefined) return
    this.#asked.cluster.world.after(this.#random.between(1, 2 * everyMs), 'somebody looks at the doubts', () => {
      this.#look()
      this.start(everyMs)
    })
  }

  /** From now on everything is decided that holds back other calls. */
  finish(): void {
    if (this.#isLast || this.#asked.calls.whenInDoubt !== 'block') return
    this.#isLast = true
    this.start(LAST_LOOKS_MS)
  }

  #look(): void {
    const up = this.#asked.instances.filter(({ calls }) => calls !== undefined)
    if (up.length === 0) return
    const { calls } = this.#random.pick(up)
    this.#decide(calls as InDoubtCalls<SimAnswer>).catch((error: unknown) => {
      if (!isJoineryError(error)) this.#wrong(`a decision failed with ${String(error)}`)
    })
  }

  async #decide(calls: InDoubtCalls<SimAnswer>): Promise<void> {
    for await (const doubt of calls.list()) {
      if (!this.#isLast && !this.#random.chance(DECIDES)) continue
      await this.#tryWhatIsUnsafe(calls, doubt)
      const decision = this.#judge(doubt)
      if (decision === undefined) continue
      await calls.resolve(doubt, decision)
      if (this.#random.chance(0.15)) await calls.resolve(doubt, this.#judge(doubt) ?? decision)
    }
  }

  /** A claimant that has not said that it is finished may still send. */
  async #tryWhatIsUnsafe(calls: InDoubtCalls<SimAnswer>, doubt: InDoubtCall): Promise<void> {
    if (doubt.claimantFinished || !this.#random.chance(0.3)) return
    try {
      await calls.resolve(doubt, { ...SIGNED, outcome: 'not-sent' })
    } catch (error) {
      if (isJoineryError(error, 'CALL_UNDECIDABLE')) return
      throw error
    }
    this.#wrong(`${doubt.id} was declared unsent while its claimant may still send`)
  }

  #judge(doubt: InDoubtCall): CallDecision<SimAnswer> | undefined {
    const { calls, instances } = this.#asked
    const hasEnded = instances.every(({ process }) => process?.name !== doubt.claimant.host)
    const isOver = doubt.claimantFinished || hasEnded
    if (!isOver && calls.whenInDoubt === 'block') return undefined
    const may: CallDecision<SimAnswer>['outcome'][] = ['done', 'abandoned']
    if (isOver && !this.#wasSent(doubt)) may.push('not-sent', 'not-sent', 'not-sent')
    const outcome = this.#random.pick(may)
    const signed = { ...SIGNED, claimantHasEnded: hasEnded }
    if (outcome !== 'done') return { ...signed, outcome }
    const { number } = JSON.parse(Buffer.from(doubt.record.value as Uint8Array).toString()) as SimAsk
    return { ...signed, outcome, ...(calls.hasSink && { result: { number, status: 299, pad: '' } }) }
  }

  /** Whether a request has left since its record was there; one of an earlier call of that id is another matter. */
  #wasSent({ id, origin: { partition, offset } }: InDoubtCall): boolean {
    const { cluster, ledger } = this.#asked
    const since = cluster.partition(REQUESTS, partition).entries[offset]?.at ?? 0
    return ledger.of(id).some(({ begunAt, sentAt }) => begunAt >= since && sentAt !== undefined)
  }

  #wrong(text: string): void {
    this.violations.push({ law: 'decisions that could cause a second call are refused', text })
  }
}
