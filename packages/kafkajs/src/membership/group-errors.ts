import { isJoineryError, JoineryError } from '@joinery/core'
import { CODE, codeName } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'

/** @returns the error for a failure to join a group */
export function groupError(group: string, cause: unknown): JoineryError {
  if (isJoineryError(cause)) return cause
  const code = cause instanceof ProtocolError ? cause.code : CODE.UNKNOWN_SERVER_ERROR
  const acl = ACLS[code]
  if (acl !== undefined) {
    const message = `this user is not allowed to join group ${group} (${codeName(code)}): add the ACL ${acl(group)}`
    return new JoineryError('NOT_AUTHORIZED', message, { cause })
  }
  const remedy = REMEDIES[code]
  if (remedy !== undefined)
    return new JoineryError('OPTION_INVALID', `cannot join group ${group} (${codeName(code)}): ${remedy}`, { cause })
  const why = cause instanceof Error ? cause.message : String(cause)
  return new JoineryError('LOG_FAILED', `cannot join group ${group}: ${why}`, { cause, retriable: true })
}

/** Whether the group has removed the member. */
export const isExpelled = (error: unknown): boolean => error instanceof ProtocolError && EXPELLED.has(error.code)

/** Whether the group waits for the member to join again. */
export const isRebalance = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === CODE.REBALANCE_IN_PROGRESS

const EXPELLED = new Set<number>([CODE.UNKNOWN_MEMBER_ID, CODE.ILLEGAL_GENERATION])

const ACLS: Readonly<Record<number, (group: string) => string>> = {
  [CODE.GROUP_AUTHORIZATION_FAILED]: (group) => `Read on group ${group}`,
  [CODE.TOPIC_AUTHORIZATION_FAILED]: () => 'Describe and Read on every input topic',
  [CODE.CLUSTER_AUTHORIZATION_FAILED]: () => 'Describe on the cluster',
}

const REMEDIES: Readonly<Record<number, string>> = {
  [CODE.INCONSISTENT_GROUP_PROTOCOL]:
    'consumers of another kind use a group with this name; choose another application name',
  [CODE.INVALID_SESSION_TIMEOUT]:
    'set sessionTimeout to a value that the brokers allow (group.min/max.session.timeout.ms)',
  [CODE.INVALID_GROUP_ID]: 'choose another application name',
  [CODE.GROUP_MAX_SIZE_REACHED]: 'raise group.max.size of the brokers, or run fewer instances',
}
