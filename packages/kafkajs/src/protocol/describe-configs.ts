import type { ApiRequest } from './api.js'
import { RequestWriter } from './request-writer.js'
import type { ResponseReader } from './response-reader.js'

export const DESCRIBE_CONFIGS = {
  key: 32,
  name: 'DescribeConfigs',
  firstFlexibleVersion: 4,
  version: 2,
} as const

/** `resourceType` of a topic. */
export const TOPIC_RESOURCE = 2

export interface DescribeConfigsRequest {
  readonly resources: readonly {
    readonly resourceType: number
    readonly resourceName: string
    /** `null`: all of them. */
    readonly configurationKeys: readonly string[] | null
  }[]
  readonly includeSynonyms: boolean
}

export interface DescribeConfigsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly DescribeConfigsResult[]
}

export interface DescribeConfigsResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly DescribedConfig[]
}

export interface DescribedConfig {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: number }[]
}

export function encodeDescribeConfigsRequest({ resources, includeSynonyms }: DescribeConfigsRequest): ApiRequest {
  const body = new RequestWriter()
  body.array(resources, ({ resourceType, resourceName, configurationKeys }) => {
    body.int8(resourceType).string(resourceName)
    body.nullableArray(configurationKeys, (key) => body.string(key))
  })
  body.bool(includeSynonyms)
  return { api: DESCRIBE_CONFIGS, version: DESCRIBE_CONFIGS.version, parts: [body.take()] }
}

export function decodeDescribeConfigsResponse(reader: ResponseReader): DescribeConfigsResponse {
  return {
    throttleTimeMs: reader.int32(),
    results: reader.array(() => ({
      errorCode: reader.int16(),
      errorMessage: reader.string(),
      resourceType: reader.int8(),
      resourceName: reader.string() ?? '',
      configs: reader.array(() => decodeConfig(reader)),
    })),
  }
}

const decodeConfig = (reader: ResponseReader): DescribedConfig => ({
  name: reader.string() ?? '',
  value: reader.string(),
  readOnly: reader.bool(),
  configSource: reader.int8(),
  isSensitive: reader.bool(),
  synonyms: reader.array(() => ({ name: reader.string() ?? '', value: reader.string(), source: reader.int8() })),
})
