import { expect, it } from 'vitest'
import { decodeMetadataResponse, encodeMetadataRequest, NO_TOPIC_ID } from '../../src/protocol/metadata.js'
import { bodyOf, bytes, compact, decodeWhole } from './bytes.js'

const ID = '00112233445566778899aabbccddeeff'

it('a Metadata request is encoded in version 10', () => {
  const encoded = encodeMetadataRequest({
    topics: [
      { topicId: NO_TOPIC_ID, name: 'a' },
      { topicId: ID, name: null },
    ],
    allowAutoTopicCreation: false,
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: false,
  })
  expect(encoded).toMatchObject({ api: { key: 3, name: 'Metadata' }, version: 10 })
  expect(bodyOf(encoded)).toEqual(
    bytes(
      '03', // topics
      ...['00'.repeat(16), compact('a'), '00'],
      ...[ID, '00', '00'],
      ...['00', '01', '00'], // allow_auto_topic_creation, include_..._authorized_operations
      '00',
    ),
  )
})

it('a Metadata response is decoded', () => {
  const response = bytes(
    '00000000', // throttle_time_ms
    '03', // brokers
    ...['00000001', compact('h1'), '00002384', '00', '00'],
    ...['00000002', compact('h2'), '00002385', compact('r'), '00'],
    compact('cluster'),
    '00000002', // controller_id
    '03', // topics
    ...['0000', compact('a'), ID, '00'],
    '02', // partitions
    ...['0005', '00000007', 'ffffffff', '00000009'], // error_code, index, leader, leader epoch
    ...['03', '00000001', '00000002'], // replica_nodes
    ...['02', '00000001'], // isr_nodes
    '01', // offline_replicas
    '00',
    '80000000', // topic_authorized_operations
    '00',
    ...['0003', compact('b'), '00'.repeat(16), '01', '01', '00000000', '00'],
    '80000000', // cluster_authorized_operations
    '00',
  )
  expect(decodeWhole(response, decodeMetadataResponse)).toEqual({
    throttleTimeMs: 0,
    brokers: [
      { nodeId: 1, host: 'h1', port: 9092, rack: null },
      { nodeId: 2, host: 'h2', port: 9093, rack: 'r' },
    ],
    clusterId: 'cluster',
    controllerId: 2,
    topics: [
      {
        errorCode: 0,
        name: 'a',
        topicId: ID,
        isInternal: false,
        partitions: [
          {
            errorCode: 5,
            partitionIndex: 7,
            leaderId: -1,
            leaderEpoch: 9,
            replicaNodes: [1, 2],
            isrNodes: [1],
            offlineReplicas: [],
          },
        ],
        topicAuthorizedOperations: -(2 ** 31),
      },
      { errorCode: 3, name: 'b', topicId: NO_TOPIC_ID, isInternal: true, partitions: [], topicAuthorizedOperations: 0 },
    ],
    clusterAuthorizedOperations: -(2 ** 31),
  })
})
