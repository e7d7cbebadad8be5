import type { Api } from './api.js'
import { array, int8, int16, int32, nullableString, string, struct } from './types.js'

/** The type of a key. */
export const COORDINATOR_TYPE = { group: 0, transaction: 1 } as const
export type CoordinatorType = keyof typeof COORDINATOR_TYPE

/** From version 4 on, a request asks for several keys. */
export const FIND_COORDINATOR = {
  key: 10,
  name: 'FindCoordinator',
  minVersion: 2,
  maxVersion: 6,
  firstFlexibleVersion: 3,
  request: {
    key: string({ to: 3, default: '' }),
    keyType: int8({ default: COORDINATOR_TYPE.group }),
    coordinatorKeys: array(string(), { from: 4, default: [] }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16({ to: 3 }),
    errorMessage: nullableString({ to: 3 }),
    nodeId: int32({ to: 3 }),
    host: string({ to: 3 }),
    port: int32({ to: 3 }),
    coordinators: array(
      struct({
        key: string(),
        nodeId: int32(),
        host: string(),
        port: int32(),
        errorCode: int16(),
        errorMessage: nullableString(),
      }),
      { from: 4 },
    ),
  },
} as const satisfies Api
