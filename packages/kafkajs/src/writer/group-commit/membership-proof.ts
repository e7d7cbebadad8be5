import type { Membership } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { logClosed, sleep } from '../../connection/retry.js'
import { requireMember } from './require-member.js'

/** Options of {@link MembershipProof}. */
export interface MembershipProofOptions {
  /** Sends a heartbeat. Resolves with whether this instance is still a member of the application's group. */
  readonly verifyMembership: Membership['verify']
  /** For how long to wait while the group rebalances, or does not respond, in milliseconds. */
  readonly deliveryTimeoutMs: number
}

const RETRY_MS = 100

/** That this instance is a member of the application's group: after a failure, nothing continues without a heartbeat. */
export class MembershipProof {
  readonly #cluster: KafkaCluster
  readonly #options: MembershipProofOptions

  constructor(cluster: KafkaCluster, options: MembershipProofOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  /**
   * Resolves once this instance is known to be a member.
   *
   * @throws JoineryError `TASK_LOST`, retriable, if it is not; `LOG_CLOSED`
   */
  async require(): Promise<void> {
    await requireMember(() => this.#decided())
  }

  /** A rebalance decides nothing about the tasks that this instance keeps. */
  async #decided(): ReturnType<Membership['verify']> {
    const { clock, closed } = this.#cluster
    const { verifyMembership, deliveryTimeoutMs } = this.#options
    const until = clock.monotonic() + deliveryTimeoutMs
    for (;;) {
      const result = await verifyMembership()
      if (result !== 'rebalancing' || clock.monotonic() >= until) return result
      await sleep(clock, RETRY_MS, closed)
      if (closed.aborted) throw logClosed()
    }
  }
}
