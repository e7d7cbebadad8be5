import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const INIT_PRODUCER_ID = {
  key: 22,
  name: 'InitProducerId',
  firstFlexibleVersion: 2,
  version: 1,
  transactionV2Version: 5,
} as const

export type InitProducerIdVersion = typeof INIT_PRODUCER_ID.version | typeof INIT_PRODUCER_ID.transactionV2Version

export interface InitProducerIdRequest {
  /** `null` for a producer that is idempotent only. */
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  /** Version 3 and later: the producer that bumps its epoch; -1 for a new one. */
  readonly producerId: number
  /** Version 3 and later. */
  readonly producerEpoch: number
}

export interface InitProducerIdResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

export function encodeInitProducerIdRequest(
  { transactionalId, transactionTimeoutMs, producerId, producerEpoch }: InitProducerIdRequest,
  version: InitProducerIdVersion,
): ApiRequest {
  const body = new RequestWriter()
  if (version === INIT_PRODUCER_ID.version) body.string(transactionalId).int32(transactionTimeoutMs)
  else {
    body.compactString(transactionalId).int32(transactionTimeoutMs)
    body.int64(producerId).int16(producerEpoch).tags()
  }
  return { api: INIT_PRODUCER_ID, version, parts: [body.take()] }
}

export function decodeInitProducerIdResponse(
  reader: ResponseReader,
  version: InitProducerIdVersion,
): InitProducerIdResponse {
  const response = {
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    producerId: reader.int64(),
    producerEpoch: reader.int16(),
  }
  if (version === INIT_PRODUCER_ID.transactionV2Version) reader.tags()
  return response
}
