import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const LIST_OFFSETS = { key: 2, name: 'ListOffsets', firstFlexibleVersion: 6, version: 3 } as const

/** `timestamp` of a request for the beginning or the end of the log, instead of a time. */
export const OFFSET_SPEC = { latest: -1, earliest: -2 } as const

export interface ListOffsetsRequest {
  readonly replicaId: number
  /** Selects the end of the log: the high watermark, or, for `readCommitted`, the last stable offset. */
  readonly isolationLevel: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly timestamp: number }[]
  }[]
}

export interface ListOffsetsResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly { readonly name: string; readonly partitions: readonly ListOffsetsPartitionResponse[] }[]
}

export interface ListOffsetsPartitionResponse {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly timestamp: number
  readonly offset: number
}

export function encodeListOffsetsRequest({ replicaId, isolationLevel, topics }: ListOffsetsRequest): ApiRequest {
  const body = new RequestWriter().int32(replicaId).int8(isolationLevel)
  body.array(topics, ({ name, partitions }) => {
    body.string(name)
    body.array(partitions, ({ partitionIndex, timestamp }) => body.int32(partitionIndex).int64(timestamp))
  })
  return { api: LIST_OFFSETS, version: LIST_OFFSETS.version, parts: [body.take()] }
}

export function decodeListOffsetsResponse(reader: ResponseReader): ListOffsetsResponse {
  return {
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string() ?? '',
      partitions: reader.array(() => ({
        partitionIndex: reader.int32(),
        errorCode: reader.int16(),
        timestamp: reader.int64(),
        offset: reader.int64(),
      })),
    })),
  }
}
