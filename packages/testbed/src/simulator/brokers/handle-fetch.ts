import type { ReceivedRequestOf, SentResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import type { FETCH } from '../../../../kafkajs/src/protocol/fetch.js'
import { batchesFrom } from './fetched-batches.js'
import type { Receiver } from './handler.js'
import type { SimCluster } from './sim-cluster.js'

type Request = ReceivedRequestOf<typeof FETCH>
type FetchedPartition = Request['topics'][number]['partitions'][number] & { readonly topic: string }
type Response = SentResponseOf<typeof FETCH>

/** Handles Fetch: responds when there is data, or when the maximum wait is over. */
export async function handleFetch({ cluster, broker }: Receiver, request: Request): Promise<Response> {
  const { node } = broker
  const { eventLoop } = cluster
  const { maxWaitMs, maxBytes } = request
  const all = request.topics.flatMap(({ topic, partitions }) => partitions.map((each) => ({ topic, ...each })))
  const hasData = ({ topic, partition, fetchOffset }: FetchedPartition) =>
    cluster.view.leaderOf(topic, partition) !== node ||
    cluster.partition(topic, partition).lastStableOffset !== fetchOffset
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
  return { errorCode: CODE.NONE, responses: responses(cluster, node, all, maxBytes) }
}

/** Reads committed records only. */
function responses(
  cluster: SimCluster,
  node: number,
  all: readonly FetchedPartition[],
  maxBytes: number,
): Response['responses'] {
  let left = maxBytes
  let isFirst = true
  return all.map(({ topic, partition, fetchOffset, partitionMaxBytes }) => {
    const from = cluster.partition(topic, partition)
    const { highWatermark, lastStableOffset } = from
    const isLeader = cluster.view.leaderOf(topic, partition) === node
    const isOutOfRange = fetchOffset > highWatermark
    const errorCode = isLeader ? (isOutOfRange ? CODE.OFFSET_OUT_OF_RANGE : CODE.NONE) : CODE.NOT_LEADER_OR_FOLLOWER
    const { bytes, next } =
      errorCode === CODE.NONE ? batchesFrom(from, fetchOffset, Math.min(partitionMaxBytes, left), isFirst) : NOTHING
    if (bytes.length > 0) isFirst = false
    left = Math.max(0, left - bytes.length)
    const abortedTransactions = from.aborted
      .filter(({ first, last }) => first < next && last >= fetchOffset)
      .map(({ producer, first }) => ({ producerId: producer, firstOffset: first }))
    const logStartOffset = 0
    const fetched = { highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records: bytes }
    return { topic, partitions: [{ partitionIndex: partition, errorCode, ...fetched }] }
  })
}

const NOTHING = { bytes: Buffer.alloc(0), next: 0 } as const
