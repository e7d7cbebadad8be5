import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const OFFSET_FETCH = { key: 9, name: 'OffsetFetch', firstFlexibleVersion: 6, version: 4 } as const

export interface OffsetFetchRequest {
  readonly groupId: string
  /** `null`: all topics of which the group has offsets. */
  readonly topics: readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null
}

export interface OffsetFetchResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly { readonly name: string; readonly partitions: readonly OffsetFetchPartitionResponse[] }[]
  readonly errorCode: number
}

export interface OffsetFetchPartitionResponse {
  readonly partitionIndex: number
  /** -1: the group has none. */
  readonly committedOffset: number
  readonly metadata: string | null
  readonly errorCode: number
}

export function encodeOffsetFetchRequest({ groupId, topics }: OffsetFetchRequest): ApiRequest {
  const body = new RequestWriter().string(groupId)
  body.nullableArray(topics, ({ name, partitionIndexes }) => {
    body.string(name).array(partitionIndexes, (partition) => body.int32(partition))
  })
  return { api: OFFSET_FETCH, version: OFFSET_FETCH.version, parts: [body.take()] }
}

export function decodeOffsetFetchResponse(reader: ResponseReader): OffsetFetchResponse {
  return {
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string() ?? '',
      partitions: reader.array(() => ({
        partitionIndex: reader.int32(),
        committedOffset: reader.int64(),
        metadata: reader.string(),
        errorCode: reader.int16(),
      })),
    })),
    errorCode: reader.int16(),
  }
}
