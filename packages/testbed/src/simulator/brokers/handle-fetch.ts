import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { RequestWriter } from '../../../../kafkajs/src/protocol/request-writer.js'
import type { ResponseReader } from '../../../../kafkajs/src/protocol/response-reader.js'
import { batchesFrom } from './fetched-batches.js'
import type { SimCluster } from './sim-cluster.js'

interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

/** Handles Fetch: responds when there is data, or when the maximum wait is over. */
export async function handleFetch(cluster: SimCluster, node: number, reader: ResponseReader): Promise<Buffer> {
  const { eventLoop } = cluster
  reader.skip(4)
  const maxWaitMs = reader.int32()
  reader.skip(4)
  const maxBytes = reader.int32()
  reader.skip(1 + 8) // read committed, always; session
  const partitions = reader
    .array(() => {
      const topic = reader.string() ?? ''
      return reader.array((): FetchedPartition => {
        const partition = reader.int32()
        reader.skip(4)
        const offset = reader.int64()
        reader.skip(8)
        return { topic, partition, offset, maxBytes: reader.int32() }
      })
    })
    .flat()
  const hasData = ({ topic, partition, offset }: FetchedPartition) =>
    cluster.leaderOf(topic, partition) !== node || cluster.partition(topic, partition).lastStableOffset !== offset
  const until = eventLoop.now + maxWaitMs
  while (eventLoop.now < until && !partitions.some(hasData)) {
    await new Promise<void>((resolve) => {
      const cancel = eventLoop.schedule(until - eventLoop.now, `the wait of a fetch from ${node} is over`, resolve)
      for (const { topic, partition } of partitions)
        cluster.partition(topic, partition).onceChanged(() => {
          cancel()
          resolve()
        })
    })
  }
  return response(cluster, node, partitions, maxBytes)
}

function response(
  cluster: SimCluster,
  node: number,
  partitions: readonly FetchedPartition[],
  maxBytes: number,
): Buffer {
  const parts: Buffer[] = []
  const body = new RequestWriter(1_024).int32(0).int16(CODE.NONE).int32(0)
  let left = maxBytes
  let isFirst = true
  body.array(partitions, ({ topic, partition, offset, maxBytes: partitionMaxBytes }) => {
    const from = cluster.partition(topic, partition)
    const { highWatermark: end, lastStableOffset: stableEnd } = from
    const isLeader = cluster.leaderOf(topic, partition) === node
    const code = isLeader ? (offset > end ? CODE.OFFSET_OUT_OF_RANGE : CODE.NONE) : CODE.NOT_LEADER_OR_FOLLOWER
    const { bytes, next } =
      code === CODE.NONE ? batchesFrom(from, offset, Math.min(partitionMaxBytes, left), isFirst) : NOTHING
    if (bytes.length > 0) isFirst = false
    left = Math.max(0, left - bytes.length)
    body.string(topic).int32(1).int32(partition).int16(code).int64(end).int64(stableEnd).int64(0)
    const aborted = from.aborted.filter(({ first, last }) => first < next && last >= offset)
    body.array(aborted, ({ producer, first }) => body.int64(producer).int64(first))
    parts.push(body.int32(-1).int32(bytes.length).take(), bytes)
  })
  return Buffer.concat([...parts, body.take()])
}

const NOTHING = { bytes: Buffer.alloc(0), next: 0 } as const
