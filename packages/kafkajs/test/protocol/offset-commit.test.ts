import { expect, it } from 'vitest'
import { decodeOffsetCommitResponse, encodeOffsetCommitRequest } from '../../src/protocol/offset-commit.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it('an OffsetCommit request is encoded in version 5', () => {
  const encoded = encodeOffsetCommitRequest({
    groupId: 'g',
    generationId: 7,
    memberId: 'm-1',
    topics: [
      {
        name: 'a',
        partitions: [
          { partitionIndex: 3, committedOffset: 12, committedMetadata: 'note' },
          { partitionIndex: 4, committedOffset: 0, committedMetadata: null },
        ],
      },
    ],
  })
  expect(encoded).toMatchObject({ api: { key: 8, name: 'OffsetCommit' }, version: 5 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      string('g'),
      '00000007', // generation_id
      string('m-1'),
      '00000001', // topics
      string('a'),
      '00000002', // partitions
      ...['00000003', '000000000000000c', string('note')],
      ...['00000004', '0000000000000000', 'ffff'],
    ),
  )
})

it('an OffsetCommit response is decoded', () => {
  const response = bytes(
    '00000001', // throttle_time_ms
    '00000001', // topics
    string('a'),
    '00000002', // partitions
    ...['00000003', '0000'],
    ...['00000004', '0016'],
  )
  expect(decodeWhole(response, decodeOffsetCommitResponse)).toEqual({
    throttleTimeMs: 1,
    topics: [
      {
        name: 'a',
        partitions: [
          { partitionIndex: 3, errorCode: 0 },
          { partitionIndex: 4, errorCode: 22 },
        ],
      },
    ],
  })
})
