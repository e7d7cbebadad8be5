import { type CallState, type Claim, encodeCall, type ReadyCall } from '../changelog/call-record.js'
import { callKey } from '../changelog/keys.js'
import { batchBytes } from '../log/batch-bytes.js'
import { type LogRecord, NO_HEADERS } from '../record.js'

/** The most that a call in doubt adds to its record. */
const LARGEST_IN_DOUBT = { since: Number.MAX_SAFE_INTEGER, claimantFinished: false, why: 'x'.repeat(1_000) } as const

/** @returns the call of a record that has just been processed */
export function newCall(record: LogRecord, fingerprint: string, arrival: number): ReadyCall {
  const { offset } = record
  return { state: 'ready', fingerprint, offset, attempts: 0, formerTokens: [], record, arrival }
}

/** @returns the most bytes that a call can take in the changelog, in any of its states */
export function largestCallBytes(pipeline: string, id: string, call: ReadyCall, claim: Claim): number {
  const largest: CallState = { ...call, state: 'in-doubt', claim, ...LARGEST_IN_DOUBT }
  return batchBytes(callKey(pipeline, id), encodeCall(largest), NO_HEADERS)
}
