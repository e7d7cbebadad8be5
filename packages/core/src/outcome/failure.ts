import { type ErrorCode, isJoineryError, JoineryError } from '../errors.js'
import type { TopicInfo } from '../log/contract.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { LogRecord } from '../record.js'

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

/**
 * The error for a failure at one record.
 *
 * @param advice how to avoid it; omitted if that has been done already
 */
export function failureError(
  { code, message, cause, remedy }: Failure,
  { topic, partition, offset }: LogRecord,
  advice?: string,
): JoineryError {
  const why = causeText(cause, code)
  const help = [remedy, advice].filter((each) => each !== undefined).join(', or ')
  const problems = isJoineryError(cause) ? cause.problems : undefined
  return new JoineryError(
    code,
    `${message}${why && `: ${why}`} (${topic}[${partition}] at offset ${offset})${help && `: ${help}`}`,
    { cause, topic, partition, offset, ...(problems && { problems }) },
  )
}

/** The cause's message, without the code that the error itself begins with. */
function causeText(cause: unknown, code: ErrorCode): string {
  if (!(cause instanceof Error) && !isJoineryError(cause)) return ''
  const { message } = cause
  const prefix = `${code}: `
  return message.startsWith(prefix) ? message.slice(prefix.length) : message
}
