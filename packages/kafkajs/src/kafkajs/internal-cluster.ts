import type { Kafka } from 'kafkajs'
import type { InternalCluster } from './internals.js'
import { patchConnections } from './patch-connections.js'
import { requireFunctions } from './require-functions.js'

/**
 * Gets the cluster object behind a client: kafkajs passes it to partition assigners.
 *
 * @returns the cluster, and a function that closes all connections of the client, including those that kafkajs no longer refers to
 * @throws JoineryError `CLIENT_UNSUPPORTED` if kafkajs does not have the internals of 2.2.4
 */
export function internalCluster(kafka: Kafka): {
  readonly cluster: InternalCluster
  readonly endConnections: () => void
} {
  let found: unknown
  kafka.consumer({
    groupId: 'unused',
    partitionAssigners: [
      ({ cluster }: { cluster: unknown }) => {
        found = cluster
        return {
          name: 'unused',
          version: 0,
          protocol: () => ({ name: 'unused', metadata: Buffer.alloc(0) }),
          assign: async () => [],
        }
      },
    ],
  })
  const cluster = found as InternalCluster
  requireFunctions('cluster', cluster, [
    'connect',
    'disconnect',
    'refreshMetadata',
    'findBroker',
    'findControllerBroker',
    'findGroupCoordinator',
  ])
  return { cluster, endConnections: patchConnections(cluster) }
}
