import { JoineryError } from '../errors.js'
import type { LogRecord } from '../record.js'
import { checkValueVersion, VALUE_VERSION } from './keys.js'
import { decodeWaiter, encodeWaiter } from './waiter-record.js'

/** The process that claimed a call, for a person who has to find out its outcome. */
export interface Claimant {
  /** Random, new each time an application starts. */
  readonly instance: string
  /** The host name. */
  readonly host: string
  /** The process id on that host. */
  readonly pid: number
  /** When the application was started, in milliseconds since the epoch. */
  readonly startedAt: number
}

/** The right to make one request. Each attempt has its own claim. */
export interface Claim {
  /** Random. Reports and decisions name it, and act on no other claim. */
  readonly token: string
  /** The process that holds it. */
  readonly claimant: Claimant
  /** When it was written, in milliseconds since the epoch. */
  readonly claimedAt: number
}

/** A person's decision about a call in doubt. */
export interface Decision {
  /** The person. */
  readonly decidedBy: string
  /** The reason given. */
  readonly reason: string
  /** The time of the decision, in milliseconds since the epoch. */
  readonly decidedAt: number
}

interface Common {
  /** Digest of the record's key and value. */
  readonly fingerprint: string
  /** The record's offset in the stream: calls with the same key are made in this order. */
  readonly offset: number
  /** How often the call was claimed. */
  readonly attempts: number
  /**
   * Tokens of claims that were taken for not sent without proof, by a person or by `mode: 'at-least-once'`: a later report
   * that one was sent is still accepted.
   */
  readonly formerTokens: readonly string[]
}

interface Open extends Common {
  readonly record: LogRecord
  /** When the record was first processed, in milliseconds since the epoch. */
  readonly arrival: number
}

/** A call that waits to be claimed. */
export interface ReadyCall extends Open {
  readonly state: 'ready'
}

/** A call whose request may be made under this claim, or was made. */
export interface ClaimedCall extends Open {
  readonly state: 'claimed'
  readonly claim: Claim
}

/** A call in doubt: it is unknown whether the request was made. */
export interface StoredInDoubtCall extends Open {
  readonly state: 'in-doubt'
  readonly claim: Claim
  /** Since when it is in doubt, in milliseconds since the epoch. */
  readonly since: number
  /** Whether the claimant has reported that it sends nothing more. */
  readonly claimantFinished: boolean
  /** What is known about the request, as text. */
  readonly why: string
}

/** A call that is kept for its retention, so that duplicates are detected. */
export interface FinishedCall extends Common {
  readonly state: 'done' | 'abandoned'
  /** The claim that it ended with, if it was ever claimed. */
  readonly token: string | undefined
  /** In milliseconds since the epoch. */
  readonly finishedAt: number
  readonly decision: Decision | undefined
}

/** A call as the changelog stores it. */
export type CallState = ReadyCall | ClaimedCall | StoredInDoubtCall | FinishedCall

const HEADER_BYTES = 5

/** @returns the value of a CALL record: version, u32 length of a JSON part, that part, and for an open call a WAITER value */
export function encodeCall(call: CallState): Uint8Array {
  let open: Uint8Array | undefined
  let rest: object = call
  if (!isFinished(call)) {
    const { record, arrival, ...others } = call
    open = encodeWaiter(record, arrival)
    rest = others
  }
  const json = Buffer.from(JSON.stringify(rest))
  const head = Buffer.allocUnsafe(HEADER_BYTES)
  head.writeUInt8(VALUE_VERSION)
  head.writeUInt32BE(json.length, 1)
  return Buffer.concat(open === undefined ? [head, json] : [head, json, open])
}

/**
 * Reads a CALL record back.
 *
 * @param topic the stream of the call's record
 * @throws JoineryError `CHANGELOG_INVALID` if it is truncated, malformed or of another version
 */
export function decodeCall(stored: Uint8Array, topic: string, partition: number): CallState {
  checkValueVersion(stored, 'CALL')
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  try {
    const end = HEADER_BYTES + bytes.readUInt32BE(1)
    if (end > bytes.length) throw new RangeError('truncated')
    const rest = JSON.parse(bytes.toString('utf8', HEADER_BYTES, end)) as CallState
    if (isFinished(rest)) return rest
    return { ...rest, ...decodeWaiter(bytes.subarray(end), topic, partition, rest.offset) }
  } catch (cause) {
    throw new JoineryError('CHANGELOG_INVALID', 'a CALL record is truncated or malformed', { cause, topic, partition })
  }
}

/** @returns whether a call is done or abandoned */
export function isFinished(call: CallState): call is FinishedCall {
  return call.state === 'done' || call.state === 'abandoned'
}
