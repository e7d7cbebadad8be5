/** `timestamp` of a request for the beginning or the end of the log, instead of a time. */
export const OFFSET_SPEC = { latest: -1, earliest: -2 } as const

export const LIST_OFFSETS = {
  key: 2,
  name: 'ListOffsets',
  minVersion: 3,
  maxVersion: 10,
  firstFlexibleVersion: 6,
  request: {
    replicaId: 'int32',
    /** Selects the end of the log: the high watermark, or, for read committed, the last stable offset. */
    isolationLevel: 'int8',
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            currentLeaderEpoch: { type: 'int32', from: 4, default: -1 },
            timestamp: 'int64',
          },
        },
      },
    },
    /** For records in remote storage. */
    timeoutMs: { type: 'int32', from: 10 },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            errorCode: 'int16',
            timestamp: { type: 'int64', default: -1 },
            offset: { type: 'int64', default: -1 },
            leaderEpoch: { type: 'int32', from: 4, default: -1 },
          },
        },
      },
    },
  },
} as const
