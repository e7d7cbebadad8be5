import { reportsTopic } from '@joinery/core/log'
import type { CallRecord } from '../../../changelog-records.js'
import { TIMER_MS } from '../../machines/sim-process.js'
import { hasLongReply, IN_DOUBT, type SimRequest } from '../../scenario/call-values.js'
import { APPLICATION } from '../../scenario/scenario.js'
import { textOf } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallCommit, CallHistory, ObservedClaim } from './call-history.js'

/** After the timeout of a call, its claimant has this much time to report the outcome. */
const GRACE_MS = 5_000
/** The reason that an owner gives for the orphaned claims of a previous one. */
const ORPHANED_REASON = /without reporting an outcome/
/** A fault may still have effects for this long. */
const FAULT_EFFECT_MS = 60_000
const MIN_PADDING = 1_000

const REPORTED_ONCE = 'I9 each call in doubt is reported once'
const AFTER_TIMEOUT = 'I9 in doubt after its timeout'
const AFTER_REPORTS = 'I9 in doubt after the reports'
const ONLY_AFTER_FAULT = 'I8 in doubt only after a fault'

/** I8, I9, I17: a call in doubt is reported once, with its commit, and only if its outcome could not be known. */
export function inDoubtCalls(context: CallContext, history: CallHistory): Violation[] {
  const { partition, commits, lifecycles } = history
  const claims = new Map(lifecycles.flatMap((lifecycle) => lifecycle.claims).map((claim) => [claim.token, claim]))
  const known = new Set<string>()
  let count = 0
  for (const at of commits) {
    const wrong = (law: string, text: string, call: string): Violation[] => [
      { law, text: `${text}, at commit ${at.commit.index}`, partition, call },
    ]
    const outputs = at.outputs.filter(({ topic, reason }) => topic === IN_DOUBT && reason === 'in-doubt')
    for (const { id = '', token = '' } of outputs) {
      if (known.has(token)) return wrong(REPORTED_ONCE, `claim ${token} is reported again`, id)
      if (claims.get(token)?.lifecycle.id !== id) return wrong(REPORTED_ONCE, `there was no claim ${token}`, id)
      known.add(token)
    }
    count += outputs.length
    const { inDoubt = 0 } = at.commit.position.totals.requests ?? {}
    if (inDoubt !== count)
      return wrong(REPORTED_ONCE, `${count} were reported, but ${inDoubt} counted`, outputs[0]?.id ?? '')
    for (const { id, before, after } of at.changes) {
      const token = after?.claim?.token ?? ''
      if (after?.state !== 'in-doubt' || (before?.state === 'in-doubt' && before.claim?.token === token)) continue
      if (!outputs.some((each) => each.token === token))
        return wrong(REPORTED_ONCE, 'is in doubt, but was not reported', id)
      const claim = claims.get(token)
      if (claim === undefined) return wrong(REPORTED_ONCE, 'is in doubt without a claim', id)
      const problem = ORPHANED_REASON.test(after.why ?? '')
        ? orphanedProblem(context, history, claim, at)
        : reportedProblem(context, claim, after)
      if (problem !== undefined) return wrong(...problem, id)
    }
  }
  return []
}

type Problem = readonly [law: string, text: string] | undefined

/** @returns why an orphaned claim of a previous owner should not be in doubt */
function orphanedProblem(
  context: CallContext,
  { openings }: CallHistory,
  claim: ObservedClaim,
  { commit }: CallCommit,
): Problem {
  const { cluster, calls, faults, closed } = context
  const opened = openings.find((at) => at > claim.commit.at)
  if (opened === undefined) return [AFTER_TIMEOUT, 'is in doubt, but its task was never reopened']
  const due = opened + calls.timeoutMs + GRACE_MS
  if (commit.at < due) return [AFTER_TIMEOUT, `is in doubt at ${commit.at}, before ${due}`]
  const topic = reportsTopic(APPLICATION)
  const { entries } = cluster.partition(topic, claim.lifecycle.partition)
  const read = commit.position.inputs[topic]?.next ?? 0
  const end = entries.filter(({ at }) => at <= due).length
  if (read < end) return [AFTER_REPORTS, `is in doubt with the reports read to ${read} of ${end}`]
  const reports = entries.slice(0, read).filter(({ record, isAborted }) => record !== undefined && !isAborted)
  const report = reports.find(({ record }) => isOutcomeReport(record?.value, claim.token))
  if (report !== undefined) return [AFTER_REPORTS, `is in doubt although report ${report.offset} has its outcome`]
  const attempt = attemptOf(context, claim)
  const closedAt = closed.get(claim.host)
  const isOver =
    attempt === undefined ||
    (attempt.ended !== 'unknown' && (attempt.settledAt ?? Number.POSITIVE_INFINITY) < (closedAt ?? 0))
  // a process that cannot report because of the network, and is still closing, is not at fault
  if (closedAt !== undefined && closedAt < due && isOver)
    return ['I17 a graceful stop leaves no call in doubt', `its claimant ${claim.host} closed at ${closedAt}`]
  const met = faults.some(({ at }) => at > claim.commit.at - FAULT_EFFECT_MS && at < commit.at)
  return met ? undefined : [ONLY_AFTER_FAULT, 'is in doubt although no fault occurred']
}

/** @returns why a call that its claimant reported should not be in doubt */
function reportedProblem(context: CallContext, claim: ObservedClaim, { why = '' }: CallRecord): Problem {
  const { calls, scenario } = context
  const attempt = attemptOf(context, claim)
  if (attempt === undefined) return [ONLY_AFTER_FAULT, `is in doubt (${why}) but was never called`]
  const { ended, settledAt = Number.POSITIVE_INFINITY, begunAt } = attempt
  if (ended === 'unknown' || settledAt - begunAt >= calls.timeoutMs - TIMER_MS) return undefined // timers run early
  const { number } = JSON.parse(textOf(claim.lifecycle.record.record.value)) as SimRequest
  const isTooLarge = calls.hasSink && hasLongReply(number) && scenario.maxResultBytes <= MIN_PADDING
  return ended === 'answered' && isTooLarge
    ? undefined
    : [ONLY_AFTER_FAULT, `is in doubt (${why}) although it was ${ended}`]
}

const attemptOf = ({ ledger }: CallContext, { lifecycle, attempt, claimedAt }: ObservedClaim) =>
  ledger.of(lifecycle.id).find((each) => each.attempt === attempt && each.claimedAt === claimedAt)

/** Whether a report contains the outcome of a claim. */
function isOutcomeReport(value: Uint8Array | null | undefined, token: string): boolean {
  const report = JSON.parse(textOf(value)) as {
    readonly token?: string
    readonly outcome?: string
    readonly by?: string
  }
  return (
    report.token === token && report.by === 'claimant' && (report.outcome === 'done' || report.outcome === 'not-sent')
  )
}
