import { type CallState, type FinishedCall, isFinished } from '../changelog/call-record.js'
import type { Report } from '../changelog/report-record.js'

/** What a report does to a call. */
export type Settlement =
  | { readonly call: CallState; readonly does: 'emit' | 'surface' | 'nothing' }
  /** `'stale'`: it is about a claim of the past. `'contradiction'`: it says otherwise than what was settled. */
  | { readonly ignored: 'stale' | 'contradiction' }

/** Claims of the past that are remembered. */
const MAX_FORMER_TOKENS = 16

const STALE: Settlement = { ignored: 'stale' }
const CONTRADICTION: Settlement = { ignored: 'contradiction' }

/**
 * The one place where a claim's fate is decided. Reports act on CLAIMED and IN_DOUBT, decisions of people on IN_DOUBT
 * alone, and both only on the claim that they name. DONE and ABANDONED never change. Nothing here looks at the time
 * (law 8).
 *
 * @param now for the record, in milliseconds since the epoch
 */
export function settle(call: CallState | undefined, report: Report, now: number): Settlement {
  if (call === undefined) return STALE
  const { token, what } = report
  if (isFinished(call)) return contradicts(call, report) ? CONTRADICTION : STALE
  if (call.state === 'ready') {
    if (what !== 'done') return STALE
    // a person said that it was not sent, and here is the proof that it was: no second request
    return call.formerTokens.includes(token) ? { call: finished(call, report, now), does: 'emit' } : CONTRADICTION
  }
  if (call.claim.token !== token) return what === 'done' ? CONTRADICTION : STALE
  if (report.by === 'operator' && call.state !== 'in-doubt') return STALE
  const { fingerprint, offset, attempts, formerTokens, record, arrival, claim } = call
  const open = { fingerprint, offset, attempts, formerTokens, record, arrival }
  switch (what) {
    case 'done':
      return { call: finished(call, report, now), does: 'emit' }
    case 'abandoned':
      return { call: finished(call, report, now), does: 'nothing' }
    case 'not-sent': {
      // the claimant itself has forgotten the call before it said so; a person may be wrong
      const mayBeSent = report.by === 'operator' || report.mayBeSent === true
      const remembered = mayBeSent ? [...formerTokens, token].slice(-MAX_FORMER_TOKENS) : formerTokens
      return { call: { ...open, state: 'ready', formerTokens: remembered }, does: 'nothing' }
    }
    case 'in-doubt': {
      const { finished: settled = false, why = 'nothing is known of it' } = report
      if (call.state === 'claimed')
        return { call: { ...open, state: 'in-doubt', claim, since: now, finished: settled, why }, does: 'surface' }
      return settled && !call.finished ? { call: { ...call, finished: true, why }, does: 'nothing' } : STALE
    }
  }
}

function finished(call: CallState, { token, what, decided }: Report, now: number): FinishedCall {
  const { fingerprint, offset, attempts, formerTokens } = call
  const state = what === 'done' ? 'done' : 'abandoned'
  return { state, fingerprint, offset, attempts, formerTokens, token, finishedAt: now, decided }
}

/** Whether a report says that something else happened than what was settled; a doubt that comes late says nothing. */
function contradicts({ state, token }: FinishedCall, report: Report): boolean {
  if (report.what === 'in-doubt') return false
  if (report.what === 'done') return state !== 'done' || token !== report.token
  return token === report.token && (state === 'done' || report.what === 'not-sent')
}
