import { reportsTopic } from '@joinery/core/log'
import type { CallRecord } from '../../../changelog-records.js'
import { DOUBTS, isAnsweredAtLength, type SimAsk } from '../../scenario/call-values.js'
import { APPLICATION } from '../../scenario/scenario.js'
import { textOf } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallCommit, CallHistory, ClaimSeen } from './call-history.js'

/** After a call's time-out its claimant has so long to tell what became of it. */
const GRACE_MS = 5_000
/** What the owner says of a claim that is not his. */
const ABANDONED = /without reporting an outcome/
/** So long before, a fault can have to do with it. */
const AFTERMATH_MS = 60_000
const MIN_PAD = 1_000

/** I8, I9, I17: what is in doubt was told, once, with the commit that says so; and only where nobody could know. */
export function doubts(context: CallContext, history: CallHistory): Violation[] {
  const { partition, commits, lives } = history
  const claims = new Map(lives.flatMap((life) => life.claims).map((claim) => [claim.token, claim]))
  const known = new Set<string>()
  let count = 0
  for (const at of commits) {
    const wrong = (law: string, text: string, call: string): Violation[] => [
      { law, text: `${text}, at commit ${at.commit.index}`, partition, call },
    ]
    const told = at.told.filter(({ topic, reason }) => topic === DOUBTS && reason === 'in-doubt')
    for (const { id = '', token = '' } of told) {
      if (known.has(token)) return wrong('I9 each doubt is told once', `claim ${token} is told again`, id)
      if (claims.get(token)?.life.id !== id)
        return wrong('I9 each doubt is told once', `nobody has claimed ${token}`, id)
      known.add(token)
    }
    count += told.length
    const { inDoubt = 0 } = at.commit.position.totals.requests ?? {}
    if (inDoubt !== count)
      return wrong('I9 each doubt is told once', `${count} were told, and ${inDoubt} counted`, told[0]?.id ?? '')
    for (const { id, before, after } of at.changes) {
      const token = after?.claim?.token ?? ''
      if (after?.state !== 'in-doubt' || (before?.state === 'in-doubt' && before.claim?.token === token)) continue
      if (!told.some((each) => each.token === token))
        return wrong('I9 each doubt is told once', 'is in doubt, and nobody was told', id)
      const claim = claims.get(token)
      if (claim === undefined) return wrong('I9 each doubt is told once', 'is in doubt without a claim', id)
      const problem = ABANDONED.test(after.why ?? '')
        ? abandoned(context, history, claim, at)
        : owned(context, claim, after)
      if (problem !== undefined) return wrong(...problem, id)
    }
  }
  return []
}

type Problem = readonly [law: string, text: string] | undefined

/** A claim of somebody else, of which nothing is known. */
function abandoned(context: CallContext, { openings }: CallHistory, claim: ClaimSeen, { commit }: CallCommit): Problem {
  const { cluster, calls, faults, closed } = context
  const opened = openings.find((at) => at > claim.commit.at)
  if (opened === undefined) return ['I9 in doubt after its time', 'is given up, and its task was never opened again']
  const due = opened + calls.timeoutMs + GRACE_MS
  if (commit.at < due) return ['I9 in doubt after its time', `is given up at ${commit.at}, before ${due}`]
  const topic = reportsTopic(APPLICATION)
  const { entries } = cluster.partition(topic, claim.life.partition)
  const read = commit.position.inputs[topic]?.next ?? 0
  const end = entries.filter(({ at }) => at <= due).length
  if (read < end) return ['I9 in doubt after the reports', `is given up with the reports read to ${read} of ${end}`]
  const report = entries.slice(0, read).find(({ record }) => isAnswer(record?.value, claim.token))
  if (report !== undefined)
    return ['I9 in doubt after the reports', `is given up though report ${report.offset} tells of it`]
  const attempt = attemptOf(context, claim)
  const closedAt = closed.get(claim.host)
  const isOver =
    attempt === undefined ||
    (attempt.ended !== 'unknown' && (attempt.settledAt ?? Number.POSITIVE_INFINITY) < (closedAt ?? 0))
  // one that is kept from telling until then by the network, still closing, is not to blame
  if (closedAt !== undefined && closedAt < due && isOver)
    return ['I17 a graceful stop leaves no doubt', `its claimant ${claim.host} has closed at ${closedAt}`]
  const met = faults.some(({ at }) => at > claim.commit.at - AFTERMATH_MS && at < commit.at)
  return met ? undefined : ['I8 in doubt by a fault', 'is given up, and nothing had happened']
}

/** Its claimant itself has said so. */
function owned(context: CallContext, claim: ClaimSeen, { why = '' }: CallRecord): Problem {
  const { calls, scenario } = context
  const attempt = attemptOf(context, claim)
  if (attempt === undefined) return ['I8 in doubt by a fault', `is in doubt (${why}) and was never called`]
  const { ended, settledAt = Number.POSITIVE_INFINITY, begunAt } = attempt
  if (ended === 'unknown' || settledAt - begunAt >= calls.timeoutMs) return undefined
  const { number } = JSON.parse(textOf(claim.life.record.record.value)) as SimAsk
  const isTooLarge = calls.hasSink && isAnsweredAtLength(number) && scenario.maxResultBytes <= MIN_PAD
  return ended === 'answered' && isTooLarge
    ? undefined
    : ['I8 in doubt by a fault', `is in doubt (${why}) though it was ${ended}`]
}

const attemptOf = ({ ledger }: CallContext, { life, attempt, claimedAt }: ClaimSeen) =>
  ledger.of(life.id).find((each) => each.attempt === attempt && each.claimedAt === claimedAt)

/** Whether a report says what became of a claim. */
function isAnswer(value: Uint8Array | null | undefined, token: string): boolean {
  const report = JSON.parse(textOf(value)) as { readonly token?: string; readonly what?: string; readonly by?: string }
  return report.token === token && report.by === 'claimant' && (report.what === 'done' || report.what === 'not-sent')
}
