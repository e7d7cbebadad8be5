import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { PartitionReader } from './partition-reader.js'

/** How long a preferred read replica is used before the leader chooses again: the default of Kafka's consumer. */
const PREFERRED_MS = 300_000
/** For how long only the leader is read from, once a replica has failed. */
const LEADER_ONLY_MS = 30_000

/** @returns the replica to read a partition from instead of the leader (KIP-392); `undefined`: the leader */
export function readReplicaOf(reader: PartitionReader, cluster: KafkaCluster): number | undefined {
  const now = cluster.clock.monotonic()
  if (reader.leaderOnlyUntil !== undefined && now >= reader.leaderOnlyUntil) reader.leaderOnlyUntil = undefined
  const { preferredReplica } = reader
  if (preferredReplica === undefined) return undefined
  if (now >= preferredReplica.until) reader.preferredReplica = undefined
  else if (isLate(reader, preferredReplica.node, cluster)) leaveReplica(reader, cluster)
  return reader.preferredReplica?.node
}

/** The leader has named a replica, and returned no records. */
export function preferReplica(reader: PartitionReader, node: number, cluster: KafkaCluster): void {
  if (isLate(reader, node, cluster)) leaveReplica(reader, cluster)
  else reader.preferredReplica = { node, until: cluster.clock.monotonic() + PREFERRED_MS }
}

/** Whether not to read from a replica. A leader that names one although requests do not name the rack would name it again. */
const isLate = ({ leaderOnlyUntil }: PartitionReader, node: number, cluster: KafkaCluster): boolean =>
  leaderOnlyUntil === undefined && !cluster.isResponsive(node)

/**
 * A replica has failed. The leader cannot know whether this client reaches the replica: as long as requests name the rack, it
 * responds with the same one, and without records.
 */
export function leaveReplica(reader: PartitionReader, cluster: KafkaCluster): void {
  reader.preferredReplica = undefined
  reader.leaderOnlyUntil = cluster.clock.monotonic() + LEADER_ONLY_MS
}
