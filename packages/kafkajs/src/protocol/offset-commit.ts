export const OFFSET_COMMIT = {
  key: 8,
  name: 'OffsetCommit',
  minVersion: 5,
  maxVersion: 9,
  firstFlexibleVersion: 8,
  request: {
    groupId: 'string',
    /** -1 for a group without members. */
    generationIdOrMemberEpoch: { type: 'int32', default: -1 },
    memberId: 'string',
    groupInstanceId: { type: 'nullableString', from: 7 },
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            committedOffset: 'int64',
            committedLeaderEpoch: { type: 'int32', from: 6, default: -1 },
            committedMetadata: 'nullableString',
          },
        },
      },
    },
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
          },
        },
      },
    },
  },
} as const
