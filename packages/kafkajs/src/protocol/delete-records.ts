export const DELETE_RECORDS = {
  key: 21,
  name: 'DeleteRecords',
  minVersion: 1,
  maxVersion: 2,
  firstFlexibleVersion: 2,
  request: {
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            /** The first offset to keep; -1: the high watermark. */
            offset: 'int64',
          },
        },
      },
    },
    timeoutMs: 'int32',
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            lowWatermark: 'int64',
            errorCode: 'int16',
          },
        },
      },
    },
  },
} as const
