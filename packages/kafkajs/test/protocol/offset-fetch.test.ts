import { expect, it } from 'vitest'
import { decodeOffsetFetchResponse, encodeOffsetFetchRequest } from '../../src/protocol/offset-fetch.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it('an OffsetFetch request is encoded in version 4', () => {
  const encoded = encodeOffsetFetchRequest({ groupId: 'g', topics: [{ name: 'a', partitionIndexes: [3, 4] }] })
  expect(encoded).toMatchObject({ api: { key: 9, name: 'OffsetFetch' }, version: 4 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      string('g'),
      '00000001', // topics
      string('a'),
      ...['00000002', '00000003', '00000004'], // partition_indexes
    ),
  )
})

it('an OffsetFetch request for all topics has no list of them', () => {
  expect(bodyOf(encodeOffsetFetchRequest({ groupId: 'g', topics: null }))).toEqual(bytes(string('g'), 'ffffffff'))
})

it('an OffsetFetch response is decoded', () => {
  const response = bytes(
    '00000000', // throttle_time_ms
    '00000001', // topics
    string('a'),
    '00000002', // partitions
    ...['00000003', '000000000000000c', string('note'), '0000'],
    ...['00000004', 'ffffffffffffffff', 'ffff', '000f'],
    '000e', // error_code
  )
  expect(decodeWhole(response, decodeOffsetFetchResponse)).toEqual({
    throttleTimeMs: 0,
    topics: [
      {
        name: 'a',
        partitions: [
          { partitionIndex: 3, committedOffset: 12, metadata: 'note', errorCode: 0 },
          { partitionIndex: 4, committedOffset: -1, metadata: null, errorCode: 15 },
        ],
      },
    ],
    errorCode: 14,
  })
})
