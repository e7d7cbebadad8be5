import type { Clock } from '@joinery/core'
import type { GroupMember } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { OngoingRetries } from '../connection/ongoing-retries.js'

/** Options of memberships in groups. */
export interface GroupOptions {
  readonly cluster: KafkaCluster
  readonly clock: Clock
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** The minimum interval between two publications of offsets for lag tools. */
  readonly publishIntervalMs: number
  /** Receives the failures to join that are retried. */
  readonly retries: OngoingRetries
}

/** Options of one membership. */
export interface MembershipOptions extends GroupOptions {
  readonly group: string
  readonly topics: readonly string[]
  readonly member: GroupMember
  /** A connection of this membership alone. */
  readonly channel: string
}

/**
 * @returns how long a member owns its tasks after it has sent a request that the group accepts, in milliseconds: before the
 * session times out, because then the group may assign them to others
 */
export const ownershipMs = ({ sessionTimeoutMs }: GroupOptions): number => (sessionTimeoutMs * 2) / 3
