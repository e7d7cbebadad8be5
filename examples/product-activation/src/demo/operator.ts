import { setTimeout as delay } from 'node:timers/promises'
import { type Calls, type Claimant, callsOf, type Doubt, doubtInfo, type Log, read } from '@joinery/core'
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
  const calls = callsOf({ application, log })
  const told = async () => {
    for await (const { headers } of read(log, topics.doubts, { signal })) {
      const token = doubtInfo(headers)?.token
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

async function decideAll(calls: Calls<Uint8Array>, options: OperatorOptions): Promise<void> {
  const { ledger, topics, hasEnded, told } = options
  for await (const doubt of calls.inDoubt()) {
    const isSettled = doubt.finished || hasEnded(doubt.claimant)
    const isNew = ledger.doubts.has(doubt.token) && !ledger.decided.has(doubt.token)
    if (!isNew || !isSettled) continue // it may still send
    const { activationId } = topics.notifications.value.decode(doubt.record.value ?? new Uint8Array())
    told(await decide(calls, doubt, activationId, options), activationId)
    ledger.decided.add(doubt.token)
  }
}

/** Answers what was decided, in words. */
async function decide(
  calls: Calls<Uint8Array>,
  doubt: Doubt,
  activationId: string,
  { rest, topics, hasEnded }: OperatorOptions,
): Promise<string> {
  const found = rest.calls.find((call) => call.activationId === activationId)
  const common = { by: 'the demo', claimantHasEnded: hasEnded(doubt.claimant) }
  if (found === undefined) {
    await calls.resolve(doubt, { ...common, was: 'not-sent', why: "it is not in the REST service's log" })
    return `in doubt (${doubt.why}): not in the REST service's log, so it is called again`
  }
  const result = topics.activated.value.encode({ activationId, status: found.status })
  await calls.resolve(doubt, { ...common, was: 'done', result, why: "it is in the REST service's log" })
  return `in doubt (${doubt.why}): in the REST service's log, so it is done`
}
