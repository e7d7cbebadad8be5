/** Clients send it up to version 3; later versions are for brokers. Produce 12 makes it unnecessary (KIP-890). */
export const ADD_PARTITIONS_TO_TXN = {
  key: 24,
  name: 'AddPartitionsToTxn',
  minVersion: 1,
  maxVersion: 3,
  firstFlexibleVersion: 3,
  request: {
    v3AndBelowTransactionalId: 'string',
    v3AndBelowProducerId: 'bigint64',
    v3AndBelowProducerEpoch: 'int16',
    v3AndBelowTopics: {
      array: {
        name: 'string',
        partitions: { array: 'int32' },
      },
    },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    resultsByTopicV3AndBelow: {
      array: {
        name: 'string',
        resultsByPartition: {
          array: {
            partitionIndex: 'int32',
            partitionErrorCode: 'int16',
          },
        },
      },
    },
  },
} as const
