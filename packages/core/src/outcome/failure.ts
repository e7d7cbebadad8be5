import { type ErrorCode, isJoineryError } from '../errors.js'
import type { TopicInfo } from '../log/contract.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { LogRecord } from '../record.js'
import type { Refusal } from './effects.js'
import { RecordError } from './record-error.js'

/** A topic, and the largest record batch that it accepts. */
export type TopicLimit = Pick<TopicInfo, 'topic' | 'maxMessageBytes'>

/** Why a record cannot be processed. `onError` decides whether it halts the application or is dead-lettered. */
export interface Failure {
  readonly reason: Reason
  readonly code: ErrorCode
  readonly message: string
  readonly cause?: unknown
  /** A remedy other than another `onError`. */
  readonly remedy?: string
}

/**
 * The failure of a record that `topic` does not accept.
 *
 * @param what what is too large
 * @param bytes its `batchBytes`, which exceed `maxMessageBytes`
 */
export function tooLarge(what: string, bytes: number, { topic, maxMessageBytes }: TopicLimit): Failure {
  const message = `${what} takes up to ${bytes} bytes, but ${topic} accepts only ${maxMessageBytes}`
  return { reason: 'too-large', code: 'RECORD_TOO_LARGE', message, remedy: `raise max.message.bytes of ${topic}` }
}

/** The failure of a record whose result the log refuses for good. */
export function refused(what: string, topic: string, { reason }: Refusal): Failure {
  const message = `${topic} does not accept ${what}: ${reason}`
  return { reason: 'refused', code: 'RECORD_REFUSED', message, remedy: `change what ${topic} accepts, or the result` }
}

/**
 * The error for a failure at one record.
 *
 * @param advice how to avoid it; omitted if the user has already done that
 */
export function failureError(
  { code, message, cause, remedy }: Failure,
  { topic, partition, offset }: LogRecord,
  advice?: string,
): RecordError {
  const { why, problems } = explain(cause, code)
  const help = [remedy, advice].filter((each) => each !== undefined).join(', or ')
  return new RecordError(
    code,
    `${message}${why && `: ${why}`} (${topic}[${partition}] at offset ${offset})${help && `: ${help}`}`,
    { cause, topic, partition, offset, ...(problems && { problems }) },
  )
}

/** The cause's message, without the code that the message of the error begins with, and the problems that the cause lists. */
function explain(
  cause: unknown,
  code: ErrorCode,
): { readonly why: string; readonly problems?: readonly string[] | undefined } {
  if (typeof cause === 'string') return { why: cause }
  try {
    if (!(cause instanceof Error) && !isJoineryError(cause)) return { why: '' }
    const message = String(cause.message)
    const prefix = `${code}: `
    return {
      why: message.startsWith(prefix) ? message.slice(prefix.length) : message,
      problems: isJoineryError(cause) ? cause.problems : undefined,
    }
  } catch {
    return { why: '' } // a function can throw an object whose properties throw
  }
}
