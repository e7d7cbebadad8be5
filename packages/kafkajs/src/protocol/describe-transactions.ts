/** Kafka 3.0 and later. */
export const DESCRIBE_TRANSACTIONS = {
  key: 65,
  name: 'DescribeTransactions',
  minVersion: 0,
  maxVersion: 0,
  firstFlexibleVersion: 0,
  request: {
    transactionalIds: { array: 'string' },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    transactionStates: {
      array: {
        errorCode: 'int16',
        transactionalId: 'string',
        transactionState: 'string',
        transactionTimeoutMs: 'int32',
        transactionStartTimeMs: 'int64',
        producerId: 'bigint64',
        producerEpoch: 'int16',
        topics: {
          array: {
            topic: 'string',
            partitions: { array: 'int32' },
          },
        },
      },
    },
  },
} as const
