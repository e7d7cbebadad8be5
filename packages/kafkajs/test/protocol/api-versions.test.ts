import { expect, it } from 'vitest'
import { decodeApiVersionsResponse, encodeApiVersionsRequest } from '../../src/protocol/api-versions.js'
import { bodyOf, bytes, compact, decodeWhole } from './bytes.js'

it('an ApiVersions request is encoded in version 3', () => {
  const encoded = encodeApiVersionsRequest({ clientSoftwareName: 'joinery', clientSoftwareVersion: '0' })
  expect(encoded).toMatchObject({ api: { key: 18, name: 'ApiVersions' }, version: 3 })
  expect(bodyOf(encoded)).toEqual(bytes(compact('joinery'), compact('0'), '00'))
})

const PLAIN = [
  '0000', // error_code
  '03', // api_keys
  ...['0000', '0003', '000d', '00'],
  ...['0012', '0000', '0004', '00'],
  '00000006', // throttle_time_ms
]
const apiKeys = [
  { apiKey: 0, minVersion: 3, maxVersion: 13 },
  { apiKey: 18, minVersion: 0, maxVersion: 4 },
]

it('an ApiVersions response is decoded, with its tagged features', () => {
  const response = bytes(
    ...PLAIN,
    '05', // tags
    ...['00', '0a', '02', compact('abc'), '0001', '0002', '00'], // supported_features
    ...['01', '08', '0000000000000005'], // finalized_features_epoch
    ...['02', '09', '02', compact('ab'), '0002', '0001', '00'], // finalized_features
    ...['03', '01', '01'], // zk_migration_ready
    ...['0a', '03', 'eeeeee'], // a tag of a later version
  )
  expect(decodeWhole(response, decodeApiVersionsResponse)).toEqual({
    errorCode: 0,
    apiKeys,
    throttleTimeMs: 6,
    supportedFeatures: [{ name: 'abc', minVersion: 1, maxVersion: 2 }],
    finalizedFeaturesEpoch: 5,
    finalizedFeatures: [{ name: 'ab', maxVersionLevel: 2, minVersionLevel: 1 }],
    zkMigrationReady: true,
  })
})

const NO_FEATURES = {
  supportedFeatures: [],
  finalizedFeaturesEpoch: -1,
  finalizedFeatures: [],
  zkMigrationReady: false,
}

it('an ApiVersions response without tags has no features', () => {
  expect(decodeWhole(bytes(...PLAIN, '00'), decodeApiVersionsResponse)).toEqual({
    errorCode: 0,
    apiKeys,
    throttleTimeMs: 6,
    ...NO_FEATURES,
  })
})

it('an ApiVersions response of a broker that does not support version 3 is in version 0', () => {
  const response = bytes('0023', '00000001', ...['0012', '0000', '0002'])
  expect(decodeWhole(response, decodeApiVersionsResponse)).toEqual({
    errorCode: 35,
    apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }],
    throttleTimeMs: 0,
    ...NO_FEATURES,
  })
})
