import type { ApiRequest } from './api.js'
import { CODE } from './error-codes.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

/** The header of its response has no tags in any version, so that a client can read the response of any broker. */
export const API_VERSIONS = { key: 18, name: 'ApiVersions', firstFlexibleVersion: 3, version: 3 } as const

const TAG = { supportedFeatures: 0, finalizedFeaturesEpoch: 1, finalizedFeatures: 2, zkMigrationReady: 3 } as const

export interface ApiVersionsRequest {
  readonly clientSoftwareName: string
  readonly clientSoftwareVersion: string
}

export interface ApiVersionsResponse {
  readonly errorCode: number
  readonly apiKeys: readonly ApiVersionRange[]
  readonly throttleTimeMs: number
  readonly supportedFeatures: readonly {
    readonly name: string
    readonly minVersion: number
    readonly maxVersion: number
  }[]
  /** -1: unknown. */
  readonly finalizedFeaturesEpoch: number
  readonly finalizedFeatures: readonly FinalizedFeature[]
  readonly zkMigrationReady: boolean
}

export interface ApiVersionRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

/** A feature whose level the whole cluster has agreed on, such as `transaction.version`. */
export interface FinalizedFeature {
  readonly name: string
  readonly maxVersionLevel: number
  readonly minVersionLevel: number
}

export function encodeApiVersionsRequest(request: ApiVersionsRequest): ApiRequest {
  const body = new RequestWriter().compactString(request.clientSoftwareName)
  body.compactString(request.clientSoftwareVersion).tags()
  return { api: API_VERSIONS, version: API_VERSIONS.version, parts: [body.take()] }
}

export function decodeApiVersionsResponse(reader: ResponseReader): ApiVersionsResponse {
  const errorCode = reader.int16()
  // a broker that does not support the version of the request responds in version 0
  const isVersion0 = errorCode === CODE.UNSUPPORTED_VERSION
  const response = {
    errorCode,
    apiKeys: isVersion0 ? reader.array(() => decodeRange(reader)) : reader.compactArray(() => decodeTagged(reader)),
    throttleTimeMs: isVersion0 ? 0 : reader.int32(),
    supportedFeatures: [] as ApiVersionsResponse['supportedFeatures'],
    finalizedFeaturesEpoch: -1,
    finalizedFeatures: [] as readonly FinalizedFeature[],
    zkMigrationReady: false,
  }
  if (isVersion0) return response
  reader.tags((tag) => {
    if (tag === TAG.supportedFeatures) response.supportedFeatures = decodeSupported(reader)
    else if (tag === TAG.finalizedFeaturesEpoch) response.finalizedFeaturesEpoch = reader.int64()
    else if (tag === TAG.finalizedFeatures) response.finalizedFeatures = decodeFinalized(reader)
    else if (tag === TAG.zkMigrationReady) response.zkMigrationReady = reader.bool()
  })
  return response
}

const decodeRange = (reader: ResponseReader): ApiVersionRange => ({
  apiKey: reader.int16(),
  minVersion: reader.int16(),
  maxVersion: reader.int16(),
})

function decodeTagged(reader: ResponseReader): ApiVersionRange {
  const range = decodeRange(reader)
  reader.tags()
  return range
}

const decodeSupported = (reader: ResponseReader): ApiVersionsResponse['supportedFeatures'] =>
  reader.compactArray(() => {
    const feature = {
      name: reader.compactString() ?? '',
      minVersion: reader.int16(),
      maxVersion: reader.int16(),
    }
    reader.tags()
    return feature
  })

const decodeFinalized = (reader: ResponseReader): FinalizedFeature[] =>
  reader.compactArray(() => {
    const feature = {
      name: reader.compactString() ?? '',
      maxVersionLevel: reader.int16(),
      minVersionLevel: reader.int16(),
    }
    reader.tags()
    return feature
  })
