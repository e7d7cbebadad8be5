import type { CallState } from '../changelog/call-record.js'
import type { Report } from '../changelog/report-record.js'
import type { Failure } from '../outcome/failure.js'

/** A report of a claim, and the call that it is about. */
export interface CallReport {
  readonly id: string
  readonly report: Report
  /** The stored call; `undefined` if there is none. */
  readonly call: CallState | undefined
  /** Why functions must not run for the call: then it is not retried, and the result of a decision is not decoded. */
  readonly failure?: Failure | undefined
}
