export const SYNC_GROUP = {
  key: 14,
  name: 'SyncGroup',
  minVersion: 3,
  maxVersion: 5,
  firstFlexibleVersion: 4,
  request: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: { type: 'nullableString', default: null },
    protocolType: { type: 'nullableString', from: 5 },
    protocolName: { type: 'nullableString', from: 5 },
    assignments: {
      array: {
        memberId: 'string',
        assignment: 'bytes',
      },
    },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    protocolType: { type: 'nullableString', from: 5 },
    protocolName: { type: 'nullableString', from: 5 },
    assignment: 'bytes',
  },
} as const
