import type { ReceivedRequestOf, SentResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { type FETCH, ISOLATION_LEVEL } from '../../../../kafkajs/src/protocol/fetch.js'
import { comparePosition } from './compare-position.js'
import type { FetchedPartition, TopicResponse } from './fetch-sessions.js'
import { batchesFrom } from './fetched-batches.js'
import type { Receiver } from './handler.js'
import type { SimCluster } from './sim-cluster.js'

type Request = ReceivedRequestOf<typeof FETCH>
type Response = SentResponseOf<typeof FETCH>

/** Handles Fetch: responds when there is data, or when the maximum wait is over. */
export async function handleFetch({ cluster, broker, client }: Receiver, request: Request): Promise<Response> {
  const { node } = broker
  const { eventLoop } = cluster
  const { maxWaitMs, maxBytes, isolationLevel } = request
  const context = broker.fetchSessions.contextOf(request)
  if (typeof context === 'number') return { errorCode: context, responses: [] }
  const { partitions: all } = context
  const endOf = (at: FetchedPartition) => endOfPartition(cluster, at, isolationLevel)
  const hasData = (at: FetchedPartition) =>
    cluster.leaderOf(at.topic, at.partition) !== node ||
    endOf(at) !== at.fetchOffset ||
    comparePosition(cluster, node, at).divergingEpoch !== undefined
  const until = eventLoop.now + maxWaitMs
  while (eventLoop.now < until && !all.some(hasData)) {
    await new Promise<void>((resolve) => {
      const cancel = eventLoop.schedule(until - eventLoop.now, `the wait of a fetch from ${node} is over`, resolve)
      for (const { topic, partition } of all)
        cluster.partition(topic, partition).onceChanged(() => {
          cancel()
          resolve()
        })
    })
  }
  await broker.whenThawed()
  if (isolationLevel === ISOLATION_LEVEL.readUncommitted)
    for (const at of all) cluster.staleFencing.seen(client, cluster.partition(at.topic, at.partition), at.fetchOffset)
  return { errorCode: CODE.NONE, ...context.respond(responses(cluster, node, all, maxBytes, endOf)) }
}

function endOfPartition(cluster: SimCluster, { topic, partition }: FetchedPartition, isolationLevel: number): number {
  const { highWatermark, lastStableOffset } = cluster.partition(topic, partition)
  return isolationLevel === ISOLATION_LEVEL.readCommitted ? lastStableOffset : highWatermark
}

function responses(
  cluster: SimCluster,
  node: number,
  all: readonly FetchedPartition[],
  maxBytes: number,
  endOf: (at: FetchedPartition) => number,
): TopicResponse[] {
  let left = maxBytes
  let isFirst = true
  return all.map((at) => {
    const { topic, partition, fetchOffset, partitionMaxBytes } = at
    const from = cluster.partition(topic, partition)
    const { highWatermark, lastStableOffset } = from
    const { errorCode, divergingEpoch, isCurrent } = comparePosition(cluster, node, at)
    const { bytes, next } =
      isCurrent && errorCode === CODE.NONE && divergingEpoch === undefined
        ? batchesFrom(from, {
            from: fetchOffset,
            end: endOf(at),
            maxBytes: Math.min(partitionMaxBytes, left),
            includesFirst: isFirst,
          })
        : NOTHING
    if (bytes.length > 0) isFirst = false
    left = Math.max(0, left - bytes.length)
    const abortedTransactions = from.aborted
      .filter(({ first, last }) => first < next && last >= fetchOffset)
      .map(({ producer, first }) => ({ producerId: producer, firstOffset: first }))
    const logStartOffset = 0
    const fetched = { highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records: bytes }
    const diverging = divergingEpoch && { divergingEpoch }
    return { topic, partitions: [{ partitionIndex: partition, errorCode, ...diverging, ...fetched }] }
  })
}

const NOTHING = { bytes: Buffer.alloc(0), next: 0 } as const
