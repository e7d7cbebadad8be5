import type { Attempt } from '../../service/request-ledger.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, type CallLife, type ClaimSeen, lastOf } from './call-history.js'

/** A claim whose commit was sent longer ago is not used any more. */
const DISPATCH_WINDOW_MS = 5_000

type Attempts = ReadonlyMap<ClaimSeen, readonly Attempt[]>

/** I7, I8, I11: what the service was asked, held against the claims in the changelog. */
export function requests({ calls, ledger }: CallContext, histories: readonly CallHistory[]): Violation[] {
  const byName = new Map<string, { readonly claim: ClaimSeen; readonly history: CallHistory }>()
  for (const history of histories)
    for (const claim of history.lives.flatMap(({ claims }) => claims))
      byName.set(nameOf(claim.life.id, claim), { claim, history })
  const attempts = new Map<ClaimSeen, Attempt[]>()
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
    ...histories.flatMap(({ lives }) =>
      lives.flatMap((life): Violation[] => {
        const wrong = isOnce ? atMostOnce(life, attempts) : atLeastOnce(life, attempts)
        return wrong === undefined ? [] : [{ ...wrong, call: life.id, partition: life.partition }]
      }),
    ),
  ]
}

const nameOf = (id: string, { attempt, claimedAt }: Pick<Attempt, 'attempt' | 'claimedAt'>): string =>
  `${attempt} ${claimedAt} ${id}`

function tooEarlyOrLate({ begunAt }: Attempt, claim: ClaimSeen, { openings }: CallHistory): string | undefined {
  if (begunAt < claim.committedAt)
    return `was called at ${begunAt}, and its claim was committed at ${claim.committedAt}`
  const isFoundAgain = openings.some((at) => at > claim.commit.at && at <= begunAt)
  if (isFoundAgain || begunAt - claim.commit.at < DISPATCH_WINDOW_MS) return undefined
  return `was called at ${begunAt}, and its claim was written at ${claim.commit.at}`
}

type Wrong = Pick<Violation, 'law' | 'text'> | undefined

function atMostOnce(life: CallLife, attempts: Attempts): Wrong {
  const made = life.claims.flatMap((claim) => attempts.get(claim) ?? [])
  const sent = made.filter(({ sentAt }) => sentAt !== undefined)
  if (sent.length > 1) return { law: 'I7 at most one request', text: `${sent.length} requests have left` }
  const twice = life.claims.find((claim) => (attempts.get(claim)?.length ?? 0) > 1)
  if (twice !== undefined) return { law: 'I7 at most one request', text: `claim ${twice.token} was used twice` }
  const last = lastOf(life)
  if (last.state !== 'done' || last.decided !== undefined || sent[0]?.receivedAt !== undefined) return undefined
  return { law: 'I8 exactly one request', text: 'is done, and the service has read no request' }
}

function atLeastOnce(life: CallLife, attempts: Attempts): Wrong {
  const made = life.claims.flatMap((claim) => attempts.get(claim) ?? [])
  for (const what of ['idempotencyKey', 'body'] as const)
    if (new Set(made.map((each) => each[what])).size > 1)
      return { law: 'I11 the same request again', text: `its requests differ in their ${what}` }
  const last = lastOf(life)
  if (last.state !== 'done' || last.decided !== undefined || made.some(({ receivedAt }) => receivedAt !== undefined))
    return undefined
  return { law: 'I11 at least one request', text: 'is done, and the service has read no request' }
}
