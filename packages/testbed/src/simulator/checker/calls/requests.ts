import type { Attempt } from '../../service/request-ledger.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, type CallLifecycle, lastOf, type ObservedClaim } from './call-history.js'

/** A claim is not used later than this after its commit was sent. */
const DISPATCH_WINDOW_MS = 5_000

type Attempts = ReadonlyMap<ObservedClaim, readonly Attempt[]>

/** I7, I8, I11: compares the requests that the service received with the claims in the changelog. */
export function requests({ calls, ledger }: CallContext, histories: readonly CallHistory[]): Violation[] {
  const byName = new Map<string, { readonly claim: ObservedClaim; readonly history: CallHistory }>()
  for (const history of histories)
    for (const claim of history.lifecycles.flatMap(({ claims }) => claims))
      byName.set(nameOf(claim.lifecycle.id, claim), { claim, history })
  const attempts = new Map<ObservedClaim, Attempt[]>()
  const violations: Violation[] = []
  for (const attempt of ledger.all) {
    const found = byName.get(nameOf(attempt.id, attempt))
    const text =
      found === undefined ? 'was called without a claim' : tooEarlyOrLate(attempt, found.claim, found.history)
    if (text !== undefined)
      violations.push({
        law: 'calls follow their committed claims',
        text,
        call: attempt.id,
        ...(found && { partition: found.history.partition }),
      })
    if (found !== undefined) attempts.set(found.claim, [...(attempts.get(found.claim) ?? []), attempt])
  }
  const isOnce = calls.mode === 'at-most-once'
  return [
    ...violations,
    ...histories.flatMap(({ lifecycles }) =>
      lifecycles.flatMap((lifecycle): Violation[] => {
        const wrong = isOnce ? atMostOnce(lifecycle, attempts) : atLeastOnce(lifecycle, attempts)
        return wrong === undefined ? [] : [{ ...wrong, call: lifecycle.id, partition: lifecycle.partition }]
      }),
    ),
  ]
}

const nameOf = (id: string, { attempt, claimedAt }: Pick<Attempt, 'attempt' | 'claimedAt'>): string =>
  `${attempt} ${claimedAt} ${id}`

function tooEarlyOrLate({ begunAt }: Attempt, claim: ObservedClaim, { openings }: CallHistory): string | undefined {
  if (begunAt < claim.committedAt)
    return `was called at ${begunAt}, but its claim was committed at ${claim.committedAt}`
  const isFoundAgain = openings.some((at) => at > claim.commit.at && at <= begunAt)
  if (isFoundAgain || begunAt - claim.commit.at < DISPATCH_WINDOW_MS) return undefined
  return `was called at ${begunAt}, but its claim was written at ${claim.commit.at}`
}

type Wrong = Pick<Violation, 'law' | 'text'> | undefined

function atMostOnce(lifecycle: CallLifecycle, attempts: Attempts): Wrong {
  const made = lifecycle.claims.flatMap((claim) => attempts.get(claim) ?? [])
  const sent = made.filter(({ sentAt }) => sentAt !== undefined)
  if (sent.length > 1) return { law: 'I7 at most one request', text: `${sent.length} requests were sent` }
  const twice = lifecycle.claims.find((claim) => (attempts.get(claim)?.length ?? 0) > 1)
  if (twice !== undefined) return { law: 'I7 at most one request', text: `claim ${twice.token} was used twice` }
  const last = lastOf(lifecycle)
  if (last.state !== 'done' || last.decision !== undefined || sent[0]?.receivedAt !== undefined) return undefined
  return { law: 'I8 exactly one request', text: 'is done, but the service received no request' }
}

function atLeastOnce(lifecycle: CallLifecycle, attempts: Attempts): Wrong {
  const made = lifecycle.claims.flatMap((claim) => attempts.get(claim) ?? [])
  for (const what of ['idempotencyKey', 'body'] as const)
    if (new Set(made.map((each) => each[what])).size > 1)
      return { law: 'I11 the same request again', text: `its requests differ in their ${what}` }
  const last = lastOf(lifecycle)
  if (last.state !== 'done' || last.decision !== undefined || made.some(({ receivedAt }) => receivedAt !== undefined))
    return undefined
  return { law: 'I11 at least one request', text: 'is done, but the service received no request' }
}
