import { describe, expect, it } from 'vitest'
import {
  ACKS_ALL,
  decodeProduceResponse,
  encodeProduceRequest,
  PRODUCE,
  type ProduceRequest,
} from '../../src/protocol/produce.js'
import { bodyOf, bytes, compact, decodeWhole, string } from './bytes.js'

const FIRST = Buffer.from('aabb', 'hex')
const SECOND = Buffer.from('cc', 'hex')
const THIRD = Buffer.alloc(200, 7)
const request: ProduceRequest = {
  transactionalId: 'tx',
  acks: ACKS_ALL,
  timeoutMs: 30_000,
  topicData: [
    {
      name: 'a',
      partitionData: [
        { index: 0, records: FIRST },
        { index: 5, records: SECOND },
      ],
    },
    { name: 'bc', partitionData: [{ index: 1, records: THIRD }] },
  ],
}

describe('a Produce request', () => {
  it('of version 7 has strings and arrays with fixed-size lengths', () => {
    const encoded = encodeProduceRequest(request, PRODUCE.version)
    expect(encoded).toMatchObject({ api: { key: 0, name: 'Produce' }, version: 7 })
    expect(bodyOf(encoded)).toEqual(
      bytes(
        string('tx'),
        'ffff', // acks
        '00007530', // timeout_ms
        '00000002', // topic_data
        string('a'),
        '00000002', // partition_data
        ...['00000000', '00000002', 'aabb'], // index, records
        ...['00000005', '00000001', 'cc'],
        string('bc'),
        '00000001',
        ...['00000001', '000000c8', '07'.repeat(200)],
      ),
    )
  })

  it('of version 12 has compact strings and arrays, and a section of tags for each structure', () => {
    const encoded = encodeProduceRequest(request, PRODUCE.transactionV2Version)
    expect(encoded).toMatchObject({ api: { key: 0, name: 'Produce' }, version: 12 })
    expect(bodyOf(encoded)).toEqual(
      bytes(
        compact('tx'),
        'ffff', // acks
        '00007530', // timeout_ms
        '03', // topic_data
        compact('a'),
        '03', // partition_data
        ...['00000000', '03', 'aabb', '00'], // index, records, tags
        ...['00000005', '02', 'cc', '00'],
        '00', // tags of the topic
        compact('bc'),
        '02',
        ...['00000001', 'c901', '07'.repeat(200), '00'],
        '00',
        '00', // tags of the request
      ),
    )
  })

  it.each([
    [PRODUCE.version, 'ffff'],
    [PRODUCE.transactionV2Version, '00'],
  ] as const)('of version %i has no transactional id outside of transactions', (version, none) => {
    const encoded = encodeProduceRequest({ ...request, transactionalId: null, topicData: [] }, version)
    expect(bodyOf(encoded).toString('hex')).toMatch(new RegExp(`^${none}ffff00007530`))
  })

  it.each([PRODUCE.version, PRODUCE.transactionV2Version])('of version %i copies no record batch', (version) => {
    const { parts } = encodeProduceRequest(request, version)
    for (const records of [FIRST, SECOND, THIRD]) expect(parts).toContain(records)
  })
})

describe('a Produce response', () => {
  it('of version 7 is decoded', () => {
    const response = bytes(
      '00000001', // responses
      string('a'),
      '00000002', // partition_responses
      ...['00000000', '0000', '0000000000000010', '0000018bcfe56800', '0000000000000002'],
      ...['00000005', '0006', 'ffffffffffffffff', 'ffffffffffffffff', 'ffffffffffffffff'],
      '0000000a', // throttle_time_ms
    )
    const none = { recordErrors: [], errorMessage: null, currentLeader: undefined }
    expect(decodeWhole(response, (reader) => decodeProduceResponse(reader, PRODUCE.version))).toEqual({
      responses: [
        {
          name: 'a',
          partitionResponses: [
            { index: 0, errorCode: 0, baseOffset: 16, logAppendTimeMs: 1_700_000_000_000, logStartOffset: 2, ...none },
            { index: 5, errorCode: 6, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1, ...none },
          ],
        },
      ],
      throttleTimeMs: 10,
      nodeEndpoints: [],
    })
  })

  it('of version 12 is decoded, with record errors and the tags of a new leader; unknown tags are skipped', () => {
    const response = bytes(
      '02', // responses
      compact('a'),
      '03', // partition_responses
      ...['00000000', '0057', 'ffffffffffffffff', 'ffffffffffffffff', 'ffffffffffffffff'],
      '02', // record_errors
      ...['00000003', compact('no key'), '00'],
      compact('invalid records'),
      ...['01', '09', '02', 'eeee'], // one unknown tag
      ...['00000005', '0006', 'ffffffffffffffff', 'ffffffffffffffff', 'ffffffffffffffff'],
      '01', // record_errors
      '00', // error_message
      ...['01', '00', '09', '0000000200000007', '00'], // current_leader
      '00', // tags of the topic
      '00000000', // throttle_time_ms
      ...['01', '00', '0e', '02', '00000002', compact('b2'), '00002384', '00', '00'], // node_endpoints
    )
    const nothing = { baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }
    expect(decodeWhole(response, (reader) => decodeProduceResponse(reader, PRODUCE.transactionV2Version))).toEqual({
      responses: [
        {
          name: 'a',
          partitionResponses: [
            {
              index: 0,
              errorCode: 87,
              ...nothing,
              recordErrors: [{ batchIndex: 3, batchIndexErrorMessage: 'no key' }],
              errorMessage: 'invalid records',
              currentLeader: undefined,
            },
            {
              index: 5,
              errorCode: 6,
              ...nothing,
              recordErrors: [],
              errorMessage: null,
              currentLeader: { leaderId: 2, leaderEpoch: 7 },
            },
          ],
        },
      ],
      throttleTimeMs: 0,
      nodeEndpoints: [{ nodeId: 2, host: 'b2', port: 9092, rack: null }],
    })
  })
})
