import { type ApiCodec, apiCodec, type RequestOf } from './api.js'
import { CODE } from './error-codes.js'

/** The header of its response has no tags in any version, so that a client can read the response of any broker. */
export const API_VERSIONS = {
  key: 18,
  name: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  firstFlexibleVersion: 3,
  request: {
    clientSoftwareName: { type: 'string', from: 3 },
    clientSoftwareVersion: { type: 'string', from: 3 },
  },
  response: {
    errorCode: 'int16',
    apiKeys: {
      array: {
        apiKey: 'int16',
        minVersion: 'int16',
        maxVersion: 'int16',
      },
    },
    throttleTimeMs: { type: 'int32', from: 1, default: 0 },
    supportedFeatures: {
      array: {
        name: 'string',
        minVersion: 'int16',
        maxVersion: 'int16',
      },
      from: 3,
      tag: 0,
    },
    /** -1: unknown. */
    finalizedFeaturesEpoch: { type: 'int64', from: 3, tag: 1, default: -1 },
    /** Features whose level the whole cluster has agreed on, such as `transaction.version`. */
    finalizedFeatures: {
      array: {
        name: 'string',
        maxVersionLevel: 'int16',
        minVersionLevel: 'int16',
      },
      from: 3,
      tag: 2,
    },
    zkMigrationReady: { type: 'bool', from: 3, tag: 3, default: false },
  },
} as const

type ApiVersions = typeof API_VERSIONS

/** How this client introduces itself. */
export const CLIENT_SOFTWARE: RequestOf<ApiVersions> = { clientSoftwareName: 'joinery', clientSoftwareVersion: '0' }

/** @returns the codec of a version; it reads a refusal of that version, too, which brokers send in version 0 */
export function apiVersionsCodec(number: number): ApiCodec<ApiVersions> {
  const codec = apiCodec(API_VERSIONS, number)
  const refusal = apiCodec(API_VERSIONS, 0).response
  return {
    ...codec,
    response: {
      ...codec.response,
      read(reader) {
        const { at } = reader
        const isRefused = reader.int16() === CODE.UNSUPPORTED_VERSION
        reader.at = at
        return (isRefused ? refusal : codec.response).read(reader)
      },
    },
  }
}
