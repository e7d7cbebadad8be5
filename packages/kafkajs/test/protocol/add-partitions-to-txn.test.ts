import { expect, it } from 'vitest'
import {
  decodeAddPartitionsToTxnResponse,
  encodeAddPartitionsToTxnRequest,
} from '../../src/protocol/add-partitions-to-txn.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

it('an AddPartitionsToTxn request is encoded in version 1', () => {
  const encoded = encodeAddPartitionsToTxnRequest({
    transactionalId: 'app-0',
    producerId: 77,
    producerEpoch: 2,
    topics: [
      { name: 'a', partitions: [0, 5] },
      { name: 'b', partitions: [1] },
    ],
  })
  expect(encoded).toMatchObject({ api: { key: 24, name: 'AddPartitionsToTxn' }, version: 1 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      string('app-0'),
      ...['000000000000004d', '0002'], // producer_id, producer_epoch
      '00000002', // topics
      ...[string('a'), '00000002', '00000000', '00000005'],
      ...[string('b'), '00000001', '00000001'],
    ),
  )
})

it('an AddPartitionsToTxn response is decoded', () => {
  const response = bytes(
    '00000000', // throttle_time_ms
    '00000002', // results_by_topic
    string('a'),
    '00000002', // results_by_partition
    ...['00000000', '0037'],
    ...['00000005', '001d'],
    string('b'),
    '00000001',
    ...['00000001', '0037'],
  )
  expect(decodeWhole(response, decodeAddPartitionsToTxnResponse)).toEqual({
    throttleTimeMs: 0,
    resultsByTopic: [
      {
        name: 'a',
        resultsByPartition: [
          { partitionIndex: 0, partitionErrorCode: 55 },
          { partitionIndex: 5, partitionErrorCode: 29 },
        ],
      },
      { name: 'b', resultsByPartition: [{ partitionIndex: 1, partitionErrorCode: 55 }] },
    ],
  })
})
