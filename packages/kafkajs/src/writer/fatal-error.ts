import { isJoineryError, JoineryError } from '@joinery/core'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'
import type { OutgoingBatch } from './outgoing-batch.js'

const TOO_LARGE = new Set<number>([CODE.MESSAGE_TOO_LARGE, CODE.RECORD_LIST_TOO_LARGE])

/**
 * @param changelog of the application, if there is one
 * @returns the error to end with if neither a retry nor a new session can help; else `undefined`
 */
export function fatalError(cause: unknown, changelog?: string): JoineryError | undefined {
  if (changelog !== undefined && isJoineryError(cause, 'TOPIC_MISSING') && cause.topic === changelog)
    return changelogMissing(changelog, cause)
  if (!(cause instanceof ProtocolError)) return isJoineryError(cause) && !cause.retriable ? cause : undefined
  const { code, topic, message } = cause
  const about = { cause, ...(topic !== undefined && { topic }) }
  if (isUnauthorized(code))
    return notAuthorized('write to', topic === undefined ? `the log (${message})` : `topic ${topic}`, code, topic)
  if (TOO_LARGE.has(code)) {
    const what = `a broker rejected a batch although it is not larger than its topic allows (${message})`
    return new JoineryError('RECORD_TOO_LARGE', `${what}: was max.message.bytes lowered?`, about)
  }
  if (code === CODE.INVALID_TRANSACTION_TIMEOUT) {
    const what = `the brokers do not allow the transaction timeout that Joinery needs (${message})`
    return new JoineryError('LOG_FAILED', `${what}: raise transaction.max.timeout.ms`, about)
  }
  return undefined
}

/** @returns the error after attempts for as long as possible: a topic that is still unknown is not new */
export function timeoutError(error: unknown): unknown {
  if (!(error instanceof ProtocolError) || error.topic === undefined) return error
  return error.code === CODE.UNKNOWN_TOPIC_OR_PARTITION ? topicMissing(error.topic, error) : error
}

/** @returns the error for a record that is larger than its topic accepts; `undefined` if a broker has failed it for another reason */
export function recordTooLarge(
  cause: unknown,
  { topic, partition, builder: { count, size } }: OutgoingBatch,
  maxMessageBytes: number,
): JoineryError | undefined {
  const isTooLarge = cause instanceof ProtocolError && TOO_LARGE.has(cause.code)
  if (!isTooLarge || count > 1 || size <= maxMessageBytes) return undefined
  const what = `a record takes ${size} bytes, but ${topic} accepts only ${maxMessageBytes}`
  const message = `${what}: make it smaller, or raise max.message.bytes of ${topic}`
  return new JoineryError('RECORD_TOO_LARGE', message, { cause, topic, partition })
}

/** @returns the error for a changelog that was deleted: Joinery creates the topic, but its contents are lost */
export function changelogMissing(topic: string, cause: unknown): JoineryError {
  const remedy =
    'start the application again, which then processes its inputs from their beginning (if it makes calls, find out which were made, and give it another name)'
  const message = `changelog ${topic} no longer exists, and the state in it is lost: ${remedy}`
  return new JoineryError('TOPIC_MISSING', message, { topic, cause })
}

/** @returns the error for a topic that has been unknown to the brokers for too long to be new */
export function topicMissing(topic: string, cause: unknown): JoineryError {
  return new JoineryError('TOPIC_MISSING', `topic ${topic} no longer exists: create it`, { topic, cause })
}
