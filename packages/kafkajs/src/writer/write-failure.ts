import { isJoineryError, JoineryError } from '@joinery/core'
import { CODE, isUnauthorized, notAuthorized, ProtocolError } from '../protocol/error-codes.js'

/** The error to end with, where neither sending again nor a new session can help; else `undefined`. */
export function incurable(cause: unknown): JoineryError | undefined {
  if (!(cause instanceof ProtocolError)) return isJoineryError(cause) && !cause.retriable ? cause : undefined
  const { code, topic, message } = cause
  const about = { cause, ...(topic !== undefined && { topic }) }
  if (isUnauthorized(code))
    return notAuthorized('write to', topic === undefined ? `the log (${message})` : `topic ${topic}`, code, topic)
  if (code === CODE.MESSAGE_TOO_LARGE || code === CODE.RECORD_LIST_TOO_LARGE) {
    const what = `a topic refused a batch that is not larger than it may be (${message})`
    return new JoineryError('RECORD_TOO_LARGE', `${what}: was max.message.bytes lowered?`, about)
  }
  if (code === CODE.INVALID_TRANSACTION_TIMEOUT) {
    const what = `the brokers do not allow transactions as long as Joinery's (${message})`
    return new JoineryError('LOG_FAILED', `${what}: raise transaction.max.timeout.ms`, about)
  }
  return undefined
}

/** A topic that brokers did not know for long enough that it is not just new to them. */
export function topicGone(topic: string, cause: unknown): JoineryError {
  return new JoineryError('TOPIC_MISSING', `topic ${topic} does not exist any more: create it`, { topic, cause })
}
