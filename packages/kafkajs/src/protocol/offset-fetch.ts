import type { RequestOf, ResponseOf } from './api.js'

/** From version 8 on, a request names several groups. */
export const OFFSET_FETCH = {
  key: 9,
  name: 'OffsetFetch',
  minVersion: 4,
  maxVersion: 9,
  firstFlexibleVersion: 6,
  request: {
    groupId: { type: 'string', to: 7 },
    /** `null`: all topics of which the group has offsets. */
    topics: {
      nullableArray: {
        name: 'string',
        partitionIndexes: { array: 'int32' },
      },
      to: 7,
    },
    groups: {
      array: {
        groupId: 'string',
        memberId: { type: 'nullableString', from: 9 },
        memberEpoch: { type: 'int32', from: 9, default: -1 },
        topics: {
          nullableArray: {
            name: 'string',
            partitionIndexes: { array: 'int32' },
          },
        },
      },
      from: 8,
    },
    requireStable: { type: 'bool', from: 7, default: false },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    topics: {
      array: {
        name: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            committedOffset: 'int64',
            committedLeaderEpoch: { type: 'int32', from: 5, default: -1 },
            metadata: 'nullableString',
            errorCode: 'int16',
          },
        },
      },
      to: 7,
    },
    errorCode: { type: 'int16', to: 7, default: 0 },
    groups: {
      array: {
        groupId: 'string',
        topics: {
          array: {
            name: 'string',
            partitions: {
              array: {
                partitionIndex: 'int32',
                committedOffset: 'int64',
                committedLeaderEpoch: { type: 'int32', default: -1 },
                metadata: 'nullableString',
                errorCode: 'int16',
              },
            },
          },
        },
        errorCode: { type: 'int16', default: 0 },
      },
      from: 8,
    },
  },
} as const

type OffsetFetch = typeof OFFSET_FETCH

/** @returns a request for the offsets of one group, in the form of every version */
export const offsetFetchRequest = (
  groupId: string,
  topics: NonNullable<RequestOf<OffsetFetch>['topics']> | null,
): RequestOf<OffsetFetch> => ({ groupId, topics, groups: [{ groupId, topics }] })

/** @returns the offsets in the response to a request for one group */
export const fetchedOffsets = (
  response: ResponseOf<OffsetFetch>,
): Pick<ResponseOf<OffsetFetch>, 'topics' | 'errorCode'> => response.groups[0] ?? response
