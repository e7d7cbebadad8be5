import { expect, it } from 'vitest'
import {
  decodeDescribeConfigsResponse,
  encodeDescribeConfigsRequest,
  TOPIC_RESOURCE,
} from '../../src/protocol/describe-configs.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it('a DescribeConfigs request is encoded in version 2', () => {
  const encoded = encodeDescribeConfigsRequest({
    resources: [
      { resourceType: TOPIC_RESOURCE, resourceName: 'a', configurationKeys: ['cleanup.policy', 'segment.ms'] },
      { resourceType: TOPIC_RESOURCE, resourceName: 'b', configurationKeys: null },
    ],
    includeSynonyms: false,
  })
  expect(encoded).toMatchObject({ api: { key: 32, name: 'DescribeConfigs' }, version: 2 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      '00000002', // resources
      ...['02', string('a'), '00000002', string('cleanup.policy'), string('segment.ms')],
      ...['02', string('b'), 'ffffffff'],
      '00', // include_synonyms
    ),
  )
})

it('a DescribeConfigs response is decoded', () => {
  const response = bytes(
    '00000000', // throttle_time_ms
    '00000002', // results
    ...['0000', 'ffff', '02', string('a')],
    '00000002', // configs
    ...[string('cleanup.policy'), string('compact'), '00', '01', '00'], // read_only, config_source, is_sensitive
    '00000001', // synonyms
    ...[string('log.cleanup.policy'), string('delete'), '05'],
    ...[string('secret'), 'ffff', '01', '05', '01', '00000000'],
    ...['001d', string('not allowed'), '02', string('b'), '00000000'],
  )
  expect(decodeWhole(response, decodeDescribeConfigsResponse)).toEqual({
    throttleTimeMs: 0,
    results: [
      {
        errorCode: 0,
        errorMessage: null,
        resourceType: 2,
        resourceName: 'a',
        configs: [
          {
            name: 'cleanup.policy',
            value: 'compact',
            readOnly: false,
            configSource: 1,
            isSensitive: false,
            synonyms: [{ name: 'log.cleanup.policy', value: 'delete', source: 5 }],
          },
          { name: 'secret', value: null, readOnly: true, configSource: 5, isSensitive: true, synonyms: [] },
        ],
      },
      { errorCode: 29, errorMessage: 'not allowed', resourceType: 2, resourceName: 'b', configs: [] },
    ],
  })
})
