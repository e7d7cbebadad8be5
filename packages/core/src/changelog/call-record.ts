import { JoineryError } from '../errors.js'
import type { LogRecord } from '../record.js'
import { checkValueVersion, VALUE_VERSION } from './keys.js'
import { decodeWaiter, encodeWaiter } from './waiter-record.js'

/** The process that claimed a call, for people who have to find out what became of it. */
export interface Claimant {
  /** Random, one for each application that was started. */
  readonly instance: string
  /** The machine's name. */
  readonly host: string
  /** The process there. */
  readonly pid: number
  /** When the application was started, in milliseconds since the epoch. */
  readonly startedAt: number
}

/** The right to make one request. Each attempt has a claim of its own. */
export interface Claim {
  /** Random. Reports and decisions name it, and act on nothing else. */
  readonly token: string
  /** Who holds it. */
  readonly claimant: Claimant
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number
}

/** What a person decided about a call in doubt. */
export interface Decided {
  /** Who. */
  readonly by: string
  /** Why, in their words. */
  readonly why: string
  /** When, in milliseconds since the epoch. */
  readonly at: number
}

interface Common {
  /** Digest of the record's key and value. */
  readonly fingerprint: string
  /** Where the record lies in the stream: calls of one key are made in this order. */
  readonly offset: number
  /** How many claims there have been. */
  readonly attempts: number
  /** Claims that a person declared unsent: a proof that one of them was sent still counts. */
  readonly formerTokens: readonly string[]
}

interface Open extends Common {
  readonly record: LogRecord
  /** When the record was first processed, in milliseconds since the epoch. */
  readonly arrival: number
}

/** To be claimed. */
export interface ReadyCall extends Open {
  readonly state: 'ready'
}

/** A request may be made under this claim, or was. */
export interface ClaimedCall extends Open {
  readonly state: 'claimed'
  readonly claim: Claim
}

/** Nobody here knows whether the request was made. */
export interface CallInDoubt extends Open {
  readonly state: 'in-doubt'
  readonly claim: Claim
  /** Since when, in milliseconds since the epoch. */
  readonly since: number
  /** Whether the claimant has said that it sends nothing more. */
  readonly finished: boolean
  /** In words. */
  readonly why: string
}

/** Kept for the retention, so that a repetition is known as one. */
export interface FinishedCall extends Common {
  readonly state: 'done' | 'abandoned'
  /** The claim that it ended with, if it was ever claimed. */
  readonly token: string | undefined
  /** In milliseconds since the epoch. */
  readonly finishedAt: number
  readonly decided: Decided | undefined
}

/** A call as the changelog holds it. */
export type CallState = ReadyCall | ClaimedCall | CallInDoubt | FinishedCall

const HEAD = 5

/** The value of a CALL record: version, u32 length of a JSON part, that part, and for an open call a WAITER value. */
export function encodeCall(call: CallState): Uint8Array {
  let open: Uint8Array | undefined
  let rest: object = call
  if (!isFinished(call)) {
    const { record, arrival, ...others } = call
    open = encodeWaiter(record, arrival)
    rest = others
  }
  const json = Buffer.from(JSON.stringify(rest))
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt8(VALUE_VERSION)
  head.writeUInt32BE(json.length, 1)
  return Buffer.concat(open === undefined ? [head, json] : [head, json, open])
}

/**
 * Reads a CALL record back.
 *
 * @param topic the stream, where the call's record lies
 * @throws JoineryError `CHANGELOG_INVALID` if it is cut off, malformed or of another version
 */
export function decodeCall(stored: Uint8Array, topic: string, partition: number): CallState {
  checkValueVersion(stored, 'CALL')
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
  try {
    const end = HEAD + bytes.readUInt32BE(1)
    if (end > bytes.length) throw new RangeError('cut off')
    const rest = JSON.parse(bytes.toString('utf8', HEAD, end)) as CallState
    if (isFinished(rest)) return rest
    return { ...rest, ...decodeWaiter(bytes.subarray(end), topic, partition, rest.offset) }
  } catch (cause) {
    throw new JoineryError('CHANGELOG_INVALID', 'a CALL record is cut off or malformed', { cause, topic, partition })
  }
}

/** Whether nothing more happens to it but its tombstone. */
export function isFinished(call: CallState): call is FinishedCall {
  return call.state === 'done' || call.state === 'abandoned'
}
