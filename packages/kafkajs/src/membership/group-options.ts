import type { Clock } from '@joinery/core'
import type { Kafka } from 'kafkajs'
import type { OngoingRetries } from '../connection/ongoing-retries.js'

/** Options of memberships in groups. */
export interface GroupOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** The minimum interval between two publications of offsets for lag tools. */
  readonly publishIntervalMs: number
  readonly clock: Clock
  /** Creates a separate client for each attempt to join. */
  readonly kafka: () => Kafka
  /** Rejects if this user may not use the group: kafkajs reports only that it found no coordinator. */
  readonly check: (group: string) => Promise<unknown>
  /** Receives the failures to join that are retried. */
  readonly retries: OngoingRetries
}
