import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ByteRange, ResponseReader } from './response-reader.js'

export const FETCH = { key: 1, name: 'Fetch', firstFlexibleVersion: 12, version: 11 } as const

/** `replicaId` of a consumer. */
export const CONSUMER_REPLICA_ID = -1
/** `sessionEpoch` of a fetch without a fetch session. */
export const NO_FETCH_SESSION = { sessionId: 0, sessionEpoch: -1 } as const
/** `isolationLevel` of this request and of ListOffsets. */
export const ISOLATION_LEVEL = { readUncommitted: 0, readCommitted: 1 } as const

export interface FetchRequest {
  readonly replicaId: number
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly isolationLevel: number
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly FetchTopic[]
  readonly forgottenTopicsData: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  readonly rackId: string
}

export interface FetchTopic {
  readonly topic: string
  readonly partitions: readonly FetchPartition[]
}

export interface FetchPartition {
  readonly partition: number
  /** -1 if unknown. */
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  /** For followers; -1 from consumers. */
  readonly logStartOffset: number
  readonly partitionMaxBytes: number
}

export interface FetchResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly sessionId: number
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly FetchPartitionResponse[] }[]
}

export interface FetchPartitionResponse {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[]
  /** -1: none. */
  readonly preferredReadReplica: number
  /** The range of the record batches in the response. The last one may be incomplete. */
  readonly records: ByteRange
}

/** An aborted transaction with records in the fetched range. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export function encodeFetchRequest(request: FetchRequest): ApiRequest {
  const { topics, maxWaitMs } = request
  let size = 64
  for (const { topic, partitions } of topics) size += 6 + topic.length * 3 + partitions.length * 28
  const body = new RequestWriter(size)
  body.int32(request.replicaId).int32(maxWaitMs).int32(request.minBytes).int32(request.maxBytes)
  body.int8(request.isolationLevel).int32(request.sessionId).int32(request.sessionEpoch)
  body.array(topics, ({ topic, partitions }) => {
    body.string(topic)
    body.array(partitions, (each) => {
      body.int32(each.partition).int32(each.currentLeaderEpoch).int64(each.fetchOffset).int64(each.logStartOffset)
      body.int32(each.partitionMaxBytes)
    })
  })
  body.array(request.forgottenTopicsData, ({ topic, partitions }) => {
    body.string(topic).array(partitions, (partition) => body.int32(partition))
  })
  body.string(request.rackId)
  return { api: FETCH, version: FETCH.version, parts: [body.take()], maxWaitMs }
}

export function decodeFetchResponse(reader: ResponseReader): FetchResponse {
  return {
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    sessionId: reader.int32(),
    responses: reader.array(() => ({
      topic: reader.string() ?? '',
      partitions: reader.array(() => decodePartition(reader)),
    })),
  }
}

const decodePartition = (reader: ResponseReader): FetchPartitionResponse => ({
  partitionIndex: reader.int32(),
  errorCode: reader.int16(),
  highWatermark: reader.int64(),
  lastStableOffset: reader.int64(),
  logStartOffset: reader.int64(),
  abortedTransactions: reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() })),
  preferredReadReplica: reader.int32(),
  records: reader.range(),
})
