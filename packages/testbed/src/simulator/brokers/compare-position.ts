import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import type { FetchedPartition } from './fetch-sessions.js'
import type { SimCluster } from './sim-cluster.js'

/** What a broker says about the position of a fetch. */
export interface ComparedPosition {
  readonly errorCode: number
  /** Where the epoch of what was read ends in the log of the broker, if that is before the position. */
  readonly divergingEpoch: { readonly epoch: number; readonly endOffset: number } | undefined
  /** Whether the broker leads the partition. */
  readonly isCurrent: boolean
}

const result = (errorCode: number, isCurrent: boolean): ComparedPosition => ({
  errorCode,
  divergingEpoch: undefined,
  isCurrent,
})

/**
 * Compares the position of a fetch with the log of a broker, as Kafka does (KIP-320, KIP-595). A broker that does not know yet that
 * others have taken over has the log of that time, and nothing new.
 */
export function comparePosition(cluster: SimCluster, node: number, at: FetchedPartition): ComparedPosition {
  const { topic, partition, fetchOffset, currentLeaderEpoch, lastFetchedEpoch } = at
  const { staleView, staleSince } = cluster.broker(node)
  const isCurrent = cluster.leaderOf(topic, partition) === node
  const view = isCurrent ? cluster.view : staleView
  if (view?.leaderOf(topic, partition) !== node) return result(CODE.NOT_LEADER_OR_FOLLOWER, isCurrent)
  if (currentLeaderEpoch > view.epoch) return result(CODE.UNKNOWN_LEADER_EPOCH, isCurrent)
  if (currentLeaderEpoch >= 0 && currentLeaderEpoch < view.epoch) return result(CODE.FENCED_LEADER_EPOCH, isCurrent)
  const log = cluster.partition(topic, partition)
  const end = isCurrent ? log.highWatermark : log.endOf((entry) => entry.at <= staleSince)
  if (fetchOffset > end || lastFetchedEpoch > view.epoch) return result(CODE.OFFSET_OUT_OF_RANGE, isCurrent)
  if (!isCurrent || log.holds(fetchOffset, lastFetchedEpoch)) return result(CODE.NONE, isCurrent)
  const endOffset = log.endOf(({ leaderEpoch }) => leaderEpoch <= lastFetchedEpoch)
  const epoch = log.entries[endOffset - 1]?.leaderEpoch ?? lastFetchedEpoch
  return { errorCode: CODE.NONE, divergingEpoch: { epoch, endOffset }, isCurrent }
}
