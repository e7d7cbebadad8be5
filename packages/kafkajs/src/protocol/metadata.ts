/** `topicId` of a request for a topic by its name. */
export const NO_TOPIC_ID = '00000000000000000000000000000000'

/** Version 10 is the first with topic ids. */
export const METADATA = {
  key: 3,
  name: 'Metadata',
  minVersion: 10,
  maxVersion: 13,
  firstFlexibleVersion: 9,
  request: {
    /** `null`: all topics. */
    topics: {
      nullableArray: {
        topicId: 'uuid',
        name: 'nullableString',
      },
    },
    allowAutoTopicCreation: { type: 'bool', default: true },
    includeClusterAuthorizedOperations: { type: 'bool', to: 10 },
    includeTopicAuthorizedOperations: 'bool',
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    brokers: {
      array: {
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        rack: { type: 'nullableString', default: null },
      },
    },
    clusterId: { type: 'nullableString', default: null },
    controllerId: { type: 'int32', default: -1 },
    topics: {
      array: {
        errorCode: 'int16',
        name: 'nullableString',
        topicId: 'uuid',
        isInternal: { type: 'bool', default: false },
        partitions: {
          array: {
            errorCode: 'int16',
            partitionIndex: 'int32',
            /** -1: there is none. */
            leaderId: 'int32',
            leaderEpoch: { type: 'int32', default: -1 },
            replicaNodes: { array: 'int32' },
            isrNodes: { array: 'int32' },
            offlineReplicas: { array: 'int32' },
          },
        },
        topicAuthorizedOperations: { type: 'int32', default: -2147483648 },
      },
    },
    clusterAuthorizedOperations: { type: 'int32', to: 10, default: -2147483648 },
    errorCode: { type: 'int16', from: 13 },
  },
} as const
