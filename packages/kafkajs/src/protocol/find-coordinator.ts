import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const FIND_COORDINATOR = {
  key: 10,
  name: 'FindCoordinator',
  firstFlexibleVersion: 3,
  version: 2,
} as const

/** The type of `key`. */
export const COORDINATOR_TYPE = { group: 0, transaction: 1 } as const
export type CoordinatorType = keyof typeof COORDINATOR_TYPE

export interface FindCoordinatorRequest {
  readonly key: string
  readonly keyType: number
}

export interface FindCoordinatorResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export function encodeFindCoordinatorRequest({ key, keyType }: FindCoordinatorRequest): ApiRequest {
  const body = new RequestWriter().string(key).int8(keyType)
  return { api: FIND_COORDINATOR, version: FIND_COORDINATOR.version, parts: [body.take()] }
}

export function decodeFindCoordinatorResponse(reader: ResponseReader): FindCoordinatorResponse {
  return {
    throttleTimeMs: reader.int32(),
    errorCode: reader.int16(),
    errorMessage: reader.string(),
    nodeId: reader.int32(),
    host: reader.string() ?? '',
    port: reader.int32(),
  }
}
