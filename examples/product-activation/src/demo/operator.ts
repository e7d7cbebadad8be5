import { setTimeout as delay } from 'node:timers/promises'
import {
  type Claimant,
  consume,
  type InDoubtCall,
  type InDoubtCalls,
  inDoubtCalls,
  inDoubtInfo,
  type Log,
} from '@joinery/core'
import type { RestService } from '../rest-service/rest-service.js'
import type { Topics } from '../topics.js'
import type { Ledger } from './ledger.js'

const LOOK_MS = 50

/** Who decides: somebody who can read the REST service's log. */
export interface OperatorOptions {
  readonly log: Pick<Log, 'source' | 'sink'>
  readonly topics: Topics
  /** Service B's. */
  readonly application: string
  readonly rest: Pick<RestService, 'calls'>
  readonly ledger: Ledger
  /** Whether a claimant's process has ended, which the library cannot know. */
  readonly hasEnded: (claimant: Claimant) => boolean
  readonly signal: AbortSignal
  readonly told: (text: string, activationId: string) => void
}

/** Reads the topic of doubts, looks each up in the REST service's log, and decides what became of it. */
export async function operate(options: OperatorOptions): Promise<void> {
  const { log, topics, application, ledger, signal } = options
  const calls = inDoubtCalls({ application, log })
  const told = async () => {
    for await (const { headers } of consume(log, topics.doubts, { signal })) {
      const token = inDoubtInfo(headers)?.token
      if (token !== undefined) ledger.doubts.add(token)
    }
  }
  const decided = async () => {
    while (!signal.aborted) {
      if (ledger.doubts.size > ledger.decided.size) await decideAll(calls, options)
      await delay(LOOK_MS, undefined, { signal }).catch(() => {})
    }
  }
  await Promise.all([told(), decided()])
}

async function decideAll(calls: InDoubtCalls<Uint8Array>, options: OperatorOptions): Promise<void> {
  const { ledger, topics, hasEnded, told } = options
  for await (const doubt of calls.list()) {
    const isSettled = doubt.claimantFinished || hasEnded(doubt.claimant)
    const isNew = ledger.doubts.has(doubt.token) && !ledger.decided.has(doubt.token)
    if (!isNew || !isSettled) continue // it may still send
    const { activationId } = topics.notifications.value.decode(doubt.record.value ?? new Uint8Array())
    told(await decide(calls, doubt, activationId, options), activationId)
    ledger.decided.add(doubt.token)
  }
}

/** Answers what was decided, in words. */
async function decide(
  calls: InDoubtCalls<Uint8Array>,
  doubt: InDoubtCall,
  activationId: string,
  { rest, topics, hasEnded }: OperatorOptions,
): Promise<string> {
  const found = rest.calls.find((call) => call.activationId === activationId)
  const common = { decidedBy: 'the demo', claimantHasEnded: hasEnded(doubt.claimant) }
  if (found === undefined) {
    await calls.resolve(doubt, { ...common, outcome: 'not-sent', reason: "it is not in the REST service's log" })
    return `in doubt (${doubt.reason}): not in the REST service's log, so it is called again`
  }
  const result = topics.activated.value.encode({ activationId, status: found.status })
  await calls.resolve(doubt, { ...common, outcome: 'done', result, reason: "it is in the REST service's log" })
  return `in doubt (${doubt.reason}): in the REST service's log, so it is done`
}
