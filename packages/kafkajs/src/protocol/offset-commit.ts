import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const OFFSET_COMMIT = {
  key: 8,
  name: 'OffsetCommit',
  firstFlexibleVersion: 8,
  version: 5,
} as const

export interface OffsetCommitRequest {
  readonly groupId: string
  /** -1 for a group without members. */
  readonly generationId: number
  readonly memberId: string
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly committedOffset: number
      readonly committedMetadata: string | null
    }[]
  }[]
}

export interface OffsetCommitResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
  }[]
}

export function encodeOffsetCommitRequest(request: OffsetCommitRequest): ApiRequest {
  const body = new RequestWriter().string(request.groupId).int32(request.generationId).string(request.memberId)
  body.array(request.topics, ({ name, partitions }) => {
    body.string(name)
    body.array(partitions, ({ partitionIndex, committedOffset, committedMetadata }) => {
      body.int32(partitionIndex).int64(committedOffset).string(committedMetadata)
    })
  })
  return { api: OFFSET_COMMIT, version: OFFSET_COMMIT.version, parts: [body.take()] }
}

export function decodeOffsetCommitResponse(reader: ResponseReader): OffsetCommitResponse {
  return {
    throttleTimeMs: reader.int32(),
    topics: reader.array(() => ({
      name: reader.string() ?? '',
      partitions: reader.array(() => ({ partitionIndex: reader.int32(), errorCode: reader.int16() })),
    })),
  }
}
