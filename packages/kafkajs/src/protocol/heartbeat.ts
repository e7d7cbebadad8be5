export const HEARTBEAT = {
  key: 12,
  name: 'Heartbeat',
  minVersion: 3,
  maxVersion: 4,
  firstFlexibleVersion: 4,
  request: {
    groupId: 'string',
    generationId: 'int32',
    memberId: 'string',
    groupInstanceId: { type: 'nullableString', default: null },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
  },
} as const
