import type { Clock, JoineryError } from '@joinery/core'
import type { Kafka } from 'kafkajs'

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
  /** Is called with each error after which joining is retried. */
  readonly onRetry: (error: JoineryError) => void
}
