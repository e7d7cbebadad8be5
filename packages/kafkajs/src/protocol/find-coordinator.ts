import type { RequestOf, ResponseOf } from './api.js'

/** The type of a key. */
const COORDINATOR_TYPE = { group: 0, transaction: 1 } as const
export type CoordinatorType = keyof typeof COORDINATOR_TYPE

/** From version 4 on, a request names several keys. */
export const FIND_COORDINATOR = {
  key: 10,
  name: 'FindCoordinator',
  minVersion: 2,
  maxVersion: 6,
  firstFlexibleVersion: 3,
  request: {
    key: { type: 'string', to: 3 },
    keyType: { type: 'int8', default: 0 },
    coordinatorKeys: { array: 'string', from: 4 },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: { type: 'int16', to: 3 },
    errorMessage: { type: 'nullableString', to: 3 },
    nodeId: { type: 'int32', to: 3 },
    host: { type: 'string', to: 3 },
    port: { type: 'int32', to: 3 },
    coordinators: {
      array: {
        key: 'string',
        nodeId: 'int32',
        host: 'string',
        port: 'int32',
        errorCode: 'int16',
        errorMessage: 'nullableString',
      },
      from: 4,
    },
  },
} as const

type FindCoordinator = typeof FIND_COORDINATOR

/** @returns a request for one coordinator, in the form of every version */
export const findCoordinatorRequest = (type: CoordinatorType, key: string): RequestOf<FindCoordinator> => ({
  key,
  keyType: COORDINATOR_TYPE[type],
  coordinatorKeys: [key],
})

/** @returns the coordinator in the response to a request for one */
export const foundCoordinator = (
  response: ResponseOf<FindCoordinator>,
): Pick<ResponseOf<FindCoordinator>, 'errorCode' | 'errorMessage' | 'nodeId' | 'host' | 'port'> =>
  response.coordinators[0] ?? response
