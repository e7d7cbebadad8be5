export const LEAVE_GROUP = {
  key: 13,
  name: 'LeaveGroup',
  minVersion: 3,
  maxVersion: 5,
  firstFlexibleVersion: 4,
  request: {
    groupId: 'string',
    members: {
      array: {
        memberId: 'string',
        groupInstanceId: { type: 'nullableString', default: null },
        reason: { type: 'nullableString', from: 5 },
      },
    },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    members: {
      array: {
        memberId: 'string',
        groupInstanceId: 'nullableString',
        errorCode: 'int16',
      },
    },
  },
} as const
