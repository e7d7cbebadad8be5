export const CREATE_TOPICS = {
  key: 19,
  name: 'CreateTopics',
  minVersion: 4,
  maxVersion: 7,
  firstFlexibleVersion: 5,
  request: {
    topics: {
      array: {
        name: 'string',
        numPartitions: 'int32',
        replicationFactor: 'int16',
        assignments: {
          array: {
            partitionIndex: 'int32',
            brokerIds: { array: 'int32' },
          },
        },
        configs: {
          array: {
            name: 'string',
            value: 'nullableString',
          },
        },
      },
    },
    timeoutMs: { type: 'int32', default: 60000 },
    validateOnly: { type: 'bool', default: false },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    topics: {
      array: {
        name: 'string',
        topicId: { type: 'uuid', from: 7 },
        errorCode: 'int16',
        errorMessage: 'nullableString',
        topicConfigErrorCode: { type: 'int16', from: 5, tag: 0 },
        numPartitions: { type: 'int32', from: 5, default: -1 },
        replicationFactor: { type: 'int16', from: 5, default: -1 },
        configs: {
          nullableArray: {
            name: 'string',
            value: 'nullableString',
            readOnly: 'bool',
            configSource: { type: 'int8', default: -1 },
            isSensitive: 'bool',
          },
          from: 5,
        },
      },
    },
  },
} as const
