import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** Version 5 returns the producer id and epoch of the next transaction (KIP-890). */
export const END_TXN = {
  key: 26,
  name: 'EndTxn',
  firstFlexibleVersion: 3,
  version: 1,
  transactionV2Version: 5,
} as const

export type EndTxnVersion = typeof END_TXN.version | typeof END_TXN.transactionV2Version

export interface EndTxnRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Whether the transaction commits; else it aborts. */
  readonly committed: boolean
}

export interface EndTxnResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  /** Version 5 and later; -1 with an error. */
  readonly producerId: number
  /** Version 5 and later; -1 with an error. */
  readonly producerEpoch: number
}

export function encodeEndTxnRequest(request: EndTxnRequest, version: EndTxnVersion): ApiRequest {
  const { transactionalId, producerId, producerEpoch, committed } = request
  const isFlexible = version === END_TXN.transactionV2Version
  const body = new RequestWriter()
  if (isFlexible) body.compactString(transactionalId)
  else body.string(transactionalId)
  body.int64(producerId).int16(producerEpoch).bool(committed)
  if (isFlexible) body.tags()
  return { api: END_TXN, version, parts: [body.take()] }
}

export function decodeEndTxnResponse(reader: ResponseReader, version: EndTxnVersion): EndTxnResponse {
  const throttleTimeMs = reader.int32()
  const errorCode = reader.int16()
  if (version === END_TXN.version) return { throttleTimeMs, errorCode, producerId: -1, producerEpoch: -1 }
  const response = { throttleTimeMs, errorCode, producerId: reader.int64(), producerEpoch: reader.int16() }
  reader.tags()
  return response
}
