import { expect, it } from 'vitest'
import { decodeListOffsetsResponse, encodeListOffsetsRequest, OFFSET_SPEC } from '../../src/protocol/list-offsets.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it('a ListOffsets request is encoded in version 3', () => {
  const encoded = encodeListOffsetsRequest({
    replicaId: -1,
    isolationLevel: 1,
    topics: [
      {
        name: 'a',
        partitions: [
          { partitionIndex: 2, timestamp: OFFSET_SPEC.latest },
          { partitionIndex: 3, timestamp: OFFSET_SPEC.earliest },
        ],
      },
    ],
  })
  expect(encoded).toMatchObject({ api: { key: 2, name: 'ListOffsets' }, version: 3 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      'ffffffff', // replica_id
      '01', // isolation_level
      '00000001', // topics
      string('a'),
      '00000002', // partitions
      ...['00000002', 'ffffffffffffffff'],
      ...['00000003', 'fffffffffffffffe'],
    ),
  )
})

it('a ListOffsets response is decoded', () => {
  const response = bytes(
    '00000000', // throttle_time_ms
    '00000001', // topics
    string('a'),
    '00000002', // partitions
    ...['00000002', '0000', 'ffffffffffffffff', '0000000100000000'],
    ...['00000003', '0006', 'ffffffffffffffff', 'ffffffffffffffff'],
  )
  expect(decodeWhole(response, decodeListOffsetsResponse)).toEqual({
    throttleTimeMs: 0,
    topics: [
      {
        name: 'a',
        partitions: [
          { partitionIndex: 2, errorCode: 0, timestamp: -1, offset: 2 ** 32 },
          { partitionIndex: 3, errorCode: 6, timestamp: -1, offset: -1 },
        ],
      },
    ],
  })
})
