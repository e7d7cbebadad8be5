import { describe, expect, it } from 'vitest'
import {
  CONSUMER_REPLICA_ID,
  decodeFetchResponse,
  encodeFetchRequest,
  ISOLATION_LEVEL,
  NO_FETCH_SESSION,
} from '../../src/protocol/fetch.js'
import { bodyOf, bytes, decodeWhole, string } from './bytes.js'

describe('a Fetch request', () => {
  it('is encoded in version 11, with a maximum wait', () => {
    const encoded = encodeFetchRequest({
      replicaId: CONSUMER_REPLICA_ID,
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: 2 ** 23,
      isolationLevel: ISOLATION_LEVEL.readCommitted,
      ...NO_FETCH_SESSION,
      topics: [
        {
          topic: 'ä',
          partitions: [
            {
              partition: 3,
              currentLeaderEpoch: -1,
              fetchOffset: 2 ** 40,
              logStartOffset: -1,
              partitionMaxBytes: 2 ** 20,
            },
            { partition: 4, currentLeaderEpoch: 6, fetchOffset: 0, logStartOffset: -1, partitionMaxBytes: 1 },
          ],
        },
      ],
      forgottenTopicsData: [{ topic: 'f', partitions: [1, 2] }],
      rackId: 'r',
    })
    expect(encoded).toMatchObject({ api: { key: 1, name: 'Fetch' }, version: 11, maxWaitMs: 100 })
    expect(bodyOf(encoded)).toEqual(
      bytes(
        'ffffffff', // replica_id
        '00000064', // max_wait_ms
        '00000001', // min_bytes
        '00800000', // max_bytes
        '01', // isolation_level
        ...['00000000', 'ffffffff'], // session_id, session_epoch
        '00000001', // topics
        string('ä'),
        '00000002', // partitions
        ...['00000003', 'ffffffff', '0000010000000000', 'ffffffffffffffff', '00100000'],
        ...['00000004', '00000006', '0000000000000000', 'ffffffffffffffff', '00000001'],
        '00000001', // forgotten_topics_data
        string('f'),
        ...['00000002', '00000001', '00000002'],
        string('r'),
      ),
    )
  })
})

describe('a Fetch response', () => {
  it('is decoded; record batches stay where they are', () => {
    const response = bytes(
      '00000005', // throttle_time_ms
      '0000', // error_code
      '00000000', // session_id
      '00000001', // responses
      string('a'),
      '00000002', // partitions
      ...['00000000', '0000', '0000000000000020', '000000000000001f', '0000000000000003'],
      '00000001', // aborted_transactions
      ...['000000000000004d', '0000000000000011'],
      'ffffffff', // preferred_read_replica
      ...['00000003', 'aabbcc'], // records
      ...['00000001', '0001', 'ffffffffffffffff', 'ffffffffffffffff', 'ffffffffffffffff'],
      'ffffffff', // no list of aborted transactions
      '00000002',
      'ffffffff', // no records
    )
    const decoded = decodeWhole(response, decodeFetchResponse)
    const from = response.indexOf('aabbcc', 'hex')
    expect(decoded).toEqual({
      throttleTimeMs: 5,
      errorCode: 0,
      sessionId: 0,
      responses: [
        {
          topic: 'a',
          partitions: [
            {
              partitionIndex: 0,
              errorCode: 0,
              highWatermark: 32,
              lastStableOffset: 31,
              logStartOffset: 3,
              abortedTransactions: [{ producerId: 77, firstOffset: 17 }],
              preferredReadReplica: -1,
              records: { from, to: from + 3 },
            },
            {
              partitionIndex: 1,
              errorCode: 1,
              highWatermark: -1,
              lastStableOffset: -1,
              logStartOffset: -1,
              abortedTransactions: [],
              preferredReadReplica: 2,
              records: { from: response.length, to: response.length },
            },
          ],
        },
      ],
    })
  })
})
