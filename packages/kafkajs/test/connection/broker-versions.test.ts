import { describe, expect, it } from 'vitest'
import { BrokerVersions } from '../../src/connection/broker-versions.js'
import { ADD_PARTITIONS_TO_TXN } from '../../src/protocol/add-partitions-to-txn.js'
import { END_TXN } from '../../src/protocol/end-txn.js'
import { INIT_PRODUCER_ID } from '../../src/protocol/init-producer-id.js'
import { METADATA } from '../../src/protocol/metadata.js'
import { PRODUCE } from '../../src/protocol/produce.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { APIS } from '../protocol/apis.js'
import { apiKeys, type Release, versionsOf } from '../support/releases.js'

const chosen = (release: Release) =>
  APIS.map((api) => `${api.name} ${versionsOf(release).codec(api).version.number}`).join(', ')

describe('the version of a request', () => {
  it.each([
    [
      '2.8',
      'Produce 9, Fetch 12, ListOffsets 6, Metadata 11, OffsetCommit 8, OffsetFetch 7, FindCoordinator 3, JoinGroup 7, Heartbeat 4, LeaveGroup 4, SyncGroup 5, ApiVersions 3, CreateTopics 7, InitProducerId 4, AddPartitionsToTxn 3, EndTxn 3, DescribeConfigs 4',
    ],
    [
      '3.9',
      'Produce 11, Fetch 12, ListOffsets 9, Metadata 12, OffsetCommit 9, OffsetFetch 9, FindCoordinator 6, JoinGroup 9, Heartbeat 4, LeaveGroup 5, SyncGroup 5, ApiVersions 4, CreateTopics 7, InitProducerId 5, AddPartitionsToTxn 3, EndTxn 4, DescribeConfigs 4',
    ],
    [
      '4.0',
      'Produce 12, Fetch 12, ListOffsets 10, Metadata 13, OffsetCommit 9, OffsetFetch 9, FindCoordinator 6, JoinGroup 9, Heartbeat 4, LeaveGroup 5, SyncGroup 5, ApiVersions 4, CreateTopics 7, InitProducerId 5, AddPartitionsToTxn 3, EndTxn 5, DescribeConfigs 4',
    ],
    [
      '4.3',
      'Produce 12, Fetch 12, ListOffsets 10, Metadata 13, OffsetCommit 9, OffsetFetch 9, FindCoordinator 6, JoinGroup 9, Heartbeat 4, LeaveGroup 5, SyncGroup 5, ApiVersions 4, CreateTopics 7, InitProducerId 5, AddPartitionsToTxn 3, EndTxn 5, DescribeConfigs 4',
    ],
  ] as const)('is the highest that Kafka %s and this client know', (release, expected) => {
    expect(chosen(release)).toBe(expected)
  })

  it.each([
    ['2.8', 1, [4, 9, 3]],
    ['3.9', 1, [5, 11, 4]],
    ['4.3', 1, [5, 11, 4]],
    ['4.3', 2, [5, 12, 5]],
  ] as const)('in a transaction follows Kafka %s, and transaction.version %i', (release, version, expected) => {
    const versions = versionsOf(release)
    const { initProducerId, produce, endTxn } = transactionProtocol(version)
    const codecs = [
      versions.codec(INIT_PRODUCER_ID, initProducerId),
      versions.codec(PRODUCE, produce),
      versions.codec(END_TXN, endTxn),
    ]
    expect(codecs.map((codec) => codec.version.number)).toEqual(expected)
  })

  it('is never below that of the transaction protocol', () => {
    expect(() => versionsOf('3.9').codec(PRODUCE, transactionProtocol(2).produce)).toThrow(
      expect.objectContaining({
        code: 'CLIENT_UNSUPPORTED',
        retriable: false,
        message: expect.stringContaining('Produce (it has versions 0 to 11, Joinery needs version 12)'),
      }),
    )
  })

  it('that a broker lacks is an error with its address, the API, both ranges and the remedy', () => {
    expect(() => versionsOf('2.7').codec(METADATA)).toThrow(
      expect.objectContaining({
        code: 'CLIENT_UNSUPPORTED',
        retriable: false,
        message:
          'CLIENT_UNSUPPORTED: broker broker-1:9092 does not support Metadata (it has versions 0 to 9, Joinery needs versions 10 to 13): Kafka 2.8 or later is needed',
      }),
    )
  })

  it('may have been removed by a later broker', () => {
    const versions = new BrokerVersions('broker-1:9092', apiKeys('AddPartitionsToTxn 4-6'))
    expect(() => versions.codec(ADD_PARTITIONS_TO_TXN)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('(it has versions 4 to 6, Joinery needs versions 1 to 3)'),
      }),
    )
  })
})

it('all APIs that a broker lacks are named in one error', () => {
  const versions = new BrokerVersions('10.0.0.7:9092', apiKeys('Metadata 0-9, Produce 3-12'))
  expect(() => versions.require([METADATA, PRODUCE, END_TXN])).toThrow(
    expect.objectContaining({
      message:
        'CLIENT_UNSUPPORTED: broker 10.0.0.7:9092 does not support Metadata (it has versions 0 to 9, Joinery needs versions 10 to 13), EndTxn (it has no version, Joinery needs versions 1 to 5): Kafka 2.8 or later is needed',
    }),
  )
})
