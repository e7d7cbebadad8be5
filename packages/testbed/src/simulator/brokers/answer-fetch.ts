import { CODE } from '../../../../kafkajs/src/wire/error-codes.js'
import { RequestWriter } from '../../../../kafkajs/src/wire/request-writer.js'
import type { ResponseReader } from '../../../../kafkajs/src/wire/response-reader.js'
import { batchesFrom } from './fetched-batches.js'
import type { SimCluster } from './sim-cluster.js'

interface Asked {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

/** Answers Fetch when there is something to answer, or its time is over. */
export async function answerFetch(cluster: SimCluster, node: number, ask: ResponseReader): Promise<Buffer> {
  const { world } = cluster
  ask.skip(4)
  const maxWaitMs = ask.int32()
  ask.skip(4)
  const maxBytes = ask.int32()
  ask.skip(1 + 8) // read committed, always; session
  const asked = ask
    .array(() => {
      const topic = ask.string() ?? ''
      return ask.array((): Asked => {
        const partition = ask.int32()
        ask.skip(4)
        const offset = ask.int64()
        ask.skip(8)
        return { topic, partition, offset, maxBytes: ask.int32() }
      })
    })
    .flat()
  const isThere = ({ topic, partition, offset }: Asked) =>
    cluster.leaderOf(topic, partition) !== node || cluster.partition(topic, partition).stableEnd !== offset
  const until = world.now + maxWaitMs
  while (world.now < until && !asked.some(isThere)) {
    await new Promise<void>((resolve) => {
      const called = world.after(until - world.now, `a fetch from ${node} was long enough`, resolve)
      for (const { topic, partition } of asked)
        cluster.partition(topic, partition).watch(() => {
          called()
          resolve()
        })
    })
  }
  return answer(cluster, node, asked, maxBytes)
}

function answer(cluster: SimCluster, node: number, asked: readonly Asked[], maxBytes: number): Buffer {
  const parts: Buffer[] = []
  const body = new RequestWriter(1_024).int32(0).int16(CODE.NONE).int32(0)
  let left = maxBytes
  let isFirst = true
  body.array(asked, ({ topic, partition, offset, maxBytes: share }) => {
    const from = cluster.partition(topic, partition)
    const { end, stableEnd } = from
    const isLeader = cluster.leaderOf(topic, partition) === node
    const code = isLeader ? (offset > end ? CODE.OFFSET_OUT_OF_RANGE : CODE.NONE) : CODE.NOT_LEADER_OR_FOLLOWER
    const { bytes, next } = code === CODE.NONE ? batchesFrom(from, offset, Math.min(share, left), isFirst) : NOTHING
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
