import type { CallState } from '../changelog/call-record.js'
import type { Report } from '../changelog/report-record.js'

const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 60_000

/** @returns the delay before the next attempt of a call that was not sent, in milliseconds */
export function retryDelay(attempts: number): number {
  return Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), LAST_RETRY_MS)
}

/**
 * In `mode: 'at-least-once'` a call with an unknown outcome is retried.
 *
 * @param retryMs for how long, from the arrival of its record; `undefined` in `mode: 'at-most-once'`
 * @returns the report, or one that leads to another attempt
 */
export function orRetry(report: Report, call: CallState | undefined, retryMs: number | undefined, now: number): Report {
  if (retryMs === undefined || report.outcome !== 'in-doubt' || call?.state !== 'claimed') return report
  if (now - call.arrival >= retryMs) return report
  return { token: report.token, outcome: 'not-sent', by: report.by, mayBeSent: true }
}
