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
import type { Ledger } from './accounting/ledger.js'
import type { RestService } from './rest-service/rest-service.js'
import type { DemoTopics } from './services/demo-topics.js'

const POLL_MS = 50

/** Options of {@link resolveCallsInDoubt}. */
export interface HumanOperatorOptions {
  readonly log: Pick<Log, 'source' | 'sink'>
  readonly topics: DemoTopics
  /** Service B's. */
  readonly application: string
  readonly rest: Pick<RestService, 'calls' | 'settled'>
  readonly ledger: Ledger
  /** Whether a claimant's process has ended, which the library cannot determine. */
  readonly hasEnded: (claimant: Claimant) => boolean
  readonly signal: AbortSignal
  readonly onResolved: (text: string, activationId: string) => void
}

/** Plays the person who resolves calls in doubt: looks each call in doubt up in the REST service's log, and resolves it. */
export async function resolveCallsInDoubt(options: HumanOperatorOptions): Promise<void> {
  const { log, topics, application, ledger, signal } = options
  const calls = inDoubtCalls({ application, log })
  const readReports = async () => {
    for await (const { headers } of consume(log, topics.inDoubt, { signal })) {
      const token = inDoubtInfo(headers)?.token
      if (token !== undefined) ledger.inDoubt.add(token)
    }
  }
  const resolveThem = async () => {
    while (!signal.aborted) {
      if (ledger.inDoubt.size > ledger.resolved.size) await resolveAll(calls, options)
      await delay(POLL_MS, undefined, { signal }).catch(() => {})
    }
  }
  await Promise.all([readReports(), resolveThem()])
}

async function resolveAll(calls: InDoubtCalls<Uint8Array>, options: HumanOperatorOptions): Promise<void> {
  const { ledger, topics, hasEnded, onResolved } = options
  for await (const call of calls.list()) {
    const isNew = ledger.inDoubt.has(call.token) && !ledger.resolved.has(call.token)
    const maySend = !call.claimantFinished && !hasEnded(call.claimant)
    if (!isNew || maySend) continue
    const { activationId } = topics.notifications.value.decode(call.record.value ?? new Uint8Array())
    onResolved(await resolve(calls, call, activationId, options), activationId)
    ledger.resolved.add(call.token)
  }
}

/** @returns the decision, as text */
async function resolve(
  calls: InDoubtCalls<Uint8Array>,
  call: InDoubtCall,
  activationId: string,
  { rest, topics, hasEnded }: HumanOperatorOptions,
): Promise<string> {
  await rest.settled() // until then, a request that is not in the log may still be on its way
  const found = rest.calls.find((received) => received.activationId === activationId)
  const common = { decidedBy: 'the demo', claimantHasEnded: hasEnded(call.claimant) }
  if (found === undefined) {
    await calls.resolve(call, { ...common, outcome: 'not-sent', reason: "it is not in the REST service's log" })
    return `in doubt (${call.reason}): not in the REST service's log, so it is called again`
  }
  const result = topics.activated.value.encode({ activationId, status: found.status })
  await calls.resolve(call, { ...common, outcome: 'done', result, reason: "it is in the REST service's log" })
  return `in doubt (${call.reason}): in the REST service's log, so it is done`
}
