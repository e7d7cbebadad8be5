import { isJoineryError, JoineryError } from '@joinery/core'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { notAuthorized, ProtocolError } from '../protocol/protocol-error.js'

/** @returns the error to end with if neither a retry nor a new session can help; else `undefined` */
export function fatalError(cause: unknown): JoineryError | undefined {
  if (!(cause instanceof ProtocolError)) return isJoineryError(cause) && !cause.retriable ? cause : undefined
  const { code, topic, message } = cause
  const about = { cause, ...(topic !== undefined && { topic }) }
  if (isUnauthorized(code))
    return notAuthorized('write to', topic === undefined ? `the log (${message})` : `topic ${topic}`, code, topic)
  if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
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

/** @returns the error for a topic that has been unknown to the brokers for too long to be new */
export function topicMissing(topic: string, cause: unknown): JoineryError {
  return new JoineryError('TOPIC_MISSING', `topic ${topic} no longer exists: create it`, { topic, cause })
}
