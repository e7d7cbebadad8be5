import { JoineryError } from '@joinery/core'
import { causes, connectionError } from '../kafkajs/connection-errors.js'

/** @returns the error for a failure of the group; whether kafkajs considers it retriable does not matter */
export function groupError(group: string, error: unknown): JoineryError {
  const type = causes(error).find((cause) => cause.type !== undefined)?.type ?? ''
  const grant = GRANTS[type]
  if (grant !== undefined) {
    return new JoineryError(
      'NOT_AUTHORIZED',
      `this user is not allowed to join group ${group} (${type}): add the ACL ${grant(group)}`,
      { cause: error },
    )
  }
  const remedy = REMEDIES[type]
  if (remedy !== undefined) {
    return new JoineryError('OPTION_INVALID', `cannot join group ${group} (${type}): ${remedy}`, { cause: error })
  }
  return connectionError(`cannot join group ${group}`, error)
}

const GRANTS: Readonly<Record<string, (group: string) => string>> = {
  GROUP_AUTHORIZATION_FAILED: (group) => `Read on group ${group}`,
  TOPIC_AUTHORIZATION_FAILED: () => 'Describe and Read on every input topic',
  CLUSTER_AUTHORIZATION_FAILED: () => 'Describe on the cluster',
}

const REMEDIES: Readonly<Record<string, string>> = {
  INCONSISTENT_GROUP_PROTOCOL: 'consumers of another kind use a group with this name; choose another application name',
  INVALID_SESSION_TIMEOUT: 'set sessionTimeout to a value that the brokers allow (group.min/max.session.timeout.ms)',
  INVALID_GROUP_ID: 'choose another application name',
}
