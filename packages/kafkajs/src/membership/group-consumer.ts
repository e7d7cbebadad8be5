import type { Cluster, Consumer, PartitionAssigner } from 'kafkajs'
import type { InternalCluster } from '../kafkajs/internals.js'
import { mendConnections } from '../kafkajs/patch-connections.js'
import type { GroupOptions } from './kafka-group.js'

const LEAVE_MS = 5_000
const MAX_WAIT_MS = 200
/** Steady and patient: a broker that restarts finds the same member again, which costs no rebalance. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 30, restartOnFailure: async () => false }

/** A kafkajs consumer, as one member of a group. */
export interface GroupConsumer {
  readonly consumer: Consumer
  /** Leaves the group, if that can be done soon, and ends all connections that were opened for it. */
  end(): Promise<void>
}

/** Makes one that has not joined yet. */
export function groupConsumer(
  groupId: string,
  { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs, kafka }: GroupOptions,
  assigner: (cluster: Cluster) => ReturnType<PartitionAssigner>,
): GroupConsumer {
  let endConnections = () => {}
  const consumer = kafka().consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: rebalanceTimeoutMs,
    heartbeatInterval: heartbeatMs,
    maxWaitTimeInMs: MAX_WAIT_MS,
    retry: RETRY,
    partitionAssigners: [
      ({ cluster }) => {
        endConnections = mendConnections(cluster as unknown as InternalCluster)
        return assigner(cluster)
      },
    ],
  })
  return {
    consumer,
    async end() {
      const disconnected = consumer.disconnect().catch(() => {}) // a group that does not hear of it drops the member
      await Promise.race([disconnected, after(LEAVE_MS)])
      endConnections()
    },
  }
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
