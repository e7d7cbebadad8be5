import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** Clients send it up to version 3; later versions are for brokers, and Produce 12 makes it unnecessary (KIP-890). */
export const ADD_PARTITIONS_TO_TXN = {
  key: 24,
  name: 'AddPartitionsToTxn',
  firstFlexibleVersion: 3,
  version: 1,
} as const

export interface AddPartitionsToTxnRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

export interface AddPartitionsToTxnResponse {
  readonly throttleTimeMs: number
  readonly resultsByTopic: readonly {
    readonly name: string
    readonly resultsByPartition: readonly { readonly partitionIndex: number; readonly partitionErrorCode: number }[]
  }[]
}

export function encodeAddPartitionsToTxnRequest(request: AddPartitionsToTxnRequest): ApiRequest {
  const body = new RequestWriter()
    .string(request.transactionalId)
    .int64(request.producerId)
    .int16(request.producerEpoch)
  body.array(request.topics, ({ name, partitions }) => {
    body.string(name).array(partitions, (partition) => body.int32(partition))
  })
  return { api: ADD_PARTITIONS_TO_TXN, version: ADD_PARTITIONS_TO_TXN.version, parts: [body.take()] }
}

export function decodeAddPartitionsToTxnResponse(reader: ResponseReader): AddPartitionsToTxnResponse {
  return {
    throttleTimeMs: reader.int32(),
    resultsByTopic: reader.array(() => ({
      name: reader.string() ?? '',
      resultsByPartition: reader.array(() => ({
        partitionIndex: reader.int32(),
        partitionErrorCode: reader.int16(),
      })),
    })),
  }
}
