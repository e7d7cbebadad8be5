import type { Clock } from '@joinery/core'
import type { Kafka } from 'kafkajs'
import type { OngoingRetries } from '../connection/ongoing-retries.js'

/** How members keep in touch with their group. */
export interface GroupOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** How often offsets are published for lag tools, at most. */
  readonly publishIntervalMs: number
  readonly clock: Clock
  /** Creates a client of its own for each attempt to join. */
  readonly kafka: () => Kafka
  /** Rejects if this user may not use the group: kafkajs reports only that it found no coordinator. */
  readonly check: (group: string) => Promise<unknown>
  /** Failures to join that are retried go here. */
  readonly retries: OngoingRetries
}
