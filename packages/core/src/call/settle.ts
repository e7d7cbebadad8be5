import { type CallState, type FinishedCall, isFinished } from '../changelog/call-record.js'
import type { Report } from '../changelog/report-record.js'

/** The effect of a report on a call. */
export type Settlement =
  /** The call has a new state. With `'emit'`, its result is written; with `'publish'`, it is published as in doubt. */
  | { readonly type: 'emit' | 'publish' | 'update'; readonly call: CallState }
  /** The report is ignored: it is about a former claim, or repeats what is known. */
  | { readonly type: 'stale' }
  /** The report is ignored although it contradicts what was settled. */
  | { readonly type: 'contradiction' }

/** How many former claims are remembered. */
const MAX_FORMER_TOKENS = 16

const STALE: Settlement = { type: 'stale' }
const CONTRADICTION: Settlement = { type: 'contradiction' }

/**
 * The one place that decides the outcome of a claim. Reports act on CLAIMED and IN_DOUBT, a person's decisions on
 * IN_DOUBT alone, and both only on the claim that they name. DONE and ABANDONED never change. Nothing here depends on the time
 * (law 8).
 *
 * @param now for the stored call, in milliseconds since the epoch
 */
export function settle(call: CallState | undefined, report: Report, now: number): Settlement {
  if (call === undefined) return STALE
  const { token, outcome } = report
  if (isFinished(call)) return contradicts(call, report) ? CONTRADICTION : STALE
  if (call.state === 'ready') {
    if (outcome !== 'done') return STALE
    // a person decided that it was not sent, and this report proves that it was: no second request
    return call.formerTokens.includes(token) ? { type: 'emit', call: finished(call, report, now) } : CONTRADICTION
  }
  if (call.claim.token !== token) return outcome === 'done' ? CONTRADICTION : STALE
  if (report.by === 'person' && call.state !== 'in-doubt') return STALE
  const { fingerprint, offset, attempts, formerTokens, record, arrival, claim } = call
  const open = { fingerprint, offset, attempts, formerTokens, record, arrival }
  switch (outcome) {
    case 'done':
      return { type: 'emit', call: finished(call, report, now) }
    case 'abandoned':
      return { type: 'update', call: finished(call, report, now) }
    case 'not-sent': {
      // a claimant discards the call before it reports this, so it is right; a person may be wrong
      const mayBeSent = report.by === 'person' || report.mayBeSent === true
      const remembered = mayBeSent ? [...formerTokens, token].slice(-MAX_FORMER_TOKENS) : formerTokens
      return { type: 'update', call: { ...open, state: 'ready', formerTokens: remembered } }
    }
    case 'in-doubt': {
      const { claimantFinished = false, why = 'its outcome is unknown' } = report
      if (call.state === 'claimed')
        return { type: 'publish', call: { ...open, state: 'in-doubt', claim, since: now, claimantFinished, why } }
      return claimantFinished && !call.claimantFinished
        ? { type: 'update', call: { ...call, claimantFinished: true, why } }
        : STALE
    }
  }
}

function finished(call: CallState, { token, outcome, decision }: Report, now: number): FinishedCall {
  const { fingerprint, offset, attempts, formerTokens } = call
  const state = outcome === 'done' ? 'done' : 'abandoned'
  return { state, fingerprint, offset, attempts, formerTokens, token, finishedAt: now, decision }
}

/** @returns whether a report contradicts the settled outcome; a late `'in-doubt'` does not */
function contradicts({ state, token }: FinishedCall, report: Report): boolean {
  if (report.outcome === 'in-doubt') return false
  if (report.outcome === 'done') return state !== 'done' || token !== report.token
  return token === report.token && (state === 'done' || report.outcome === 'not-sent')
}
