export const JOIN_GROUP = {
  key: 11,
  name: 'JoinGroup',
  minVersion: 5,
  maxVersion: 9,
  firstFlexibleVersion: 6,
  request: {
    groupId: 'string',
    sessionTimeoutMs: 'int32',
    rebalanceTimeoutMs: { type: 'int32', default: -1 },
    memberId: 'string',
    /** `null` for a dynamic member. */
    groupInstanceId: { type: 'nullableString', default: null },
    /** `consumer` for a group of consumers. */
    protocolType: 'string',
    protocols: {
      array: {
        name: 'string',
        metadata: 'bytes',
      },
    },
    reason: { type: 'nullableString', from: 8 },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    generationId: { type: 'int32', default: -1 },
    protocolType: { type: 'nullableString', from: 7 },
    protocolName: 'nullableString',
    leader: 'string',
    /** Whether the leader must not assign partitions: the group keeps its assignment. */
    skipAssignment: { type: 'bool', from: 9, default: false },
    memberId: 'string',
    members: {
      array: {
        memberId: 'string',
        groupInstanceId: { type: 'nullableString', default: null },
        metadata: 'bytes',
      },
    },
  },
} as const
