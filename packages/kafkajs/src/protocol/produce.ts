/** `acks` of a request that all in-sync replicas acknowledge. */
export const ACKS_ALL = -1

/** Version 12 adds the partitions to the transaction that it names (KIP-890). */
export const PRODUCE = {
  key: 0,
  name: 'Produce',
  minVersion: 3,
  maxVersion: 12,
  firstFlexibleVersion: 9,
  request: {
    transactionalId: { type: 'nullableString', default: null },
    acks: 'int16',
    timeoutMs: 'int32',
    topicData: {
      array: {
        name: 'string',
        partitionData: {
          array: {
            index: 'int32',
            /** One record batch. */
            records: 'nullableBytes',
          },
        },
      },
    },
  },
  response: {
    responses: {
      array: {
        name: 'string',
        partitionResponses: {
          array: {
            index: 'int32',
            errorCode: 'int16',
            baseOffset: 'int64',
            /** -1 unless the topic's timestamps are `LogAppendTime`. */
            logAppendTimeMs: { type: 'int64', default: -1 },
            logStartOffset: { type: 'int64', from: 5, default: -1 },
            /** The records because of which a batch was rejected. */
            recordErrors: {
              array: {
                batchIndex: 'int32',
                batchIndexErrorMessage: { type: 'nullableString', default: null },
              },
              from: 8,
            },
            errorMessage: { type: 'nullableString', from: 8 },
            /** With NOT_LEADER_OR_FOLLOWER: the new leader. */
            currentLeader: {
              struct: {
                leaderId: { type: 'int32', default: -1 },
                leaderEpoch: { type: 'int32', default: -1 },
              },
              from: 10,
              tag: 0,
            },
          },
        },
      },
    },
    throttleTimeMs: { type: 'int32', default: 0 },
    /** The addresses of the leaders in `currentLeader`. */
    nodeEndpoints: {
      array: {
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        rack: { type: 'nullableString', default: null },
      },
      from: 10,
      tag: 0,
    },
  },
} as const
