/** `isolationLevel` of this request and of ListOffsets. */
export const ISOLATION_LEVEL = { readUncommitted: 0, readCommitted: 1 } as const
/** `replicaId` of a consumer. */
export const CONSUMER_REPLICA_ID = -1

export const FETCH = {
  key: 1,
  name: 'Fetch',
  minVersion: 11,
  maxVersion: 12,
  firstFlexibleVersion: 12,
  request: {
    clusterId: { type: 'nullableString', from: 12, tag: 0 },
    replicaId: { type: 'int32', default: -1 },
    maxWaitMs: 'int32',
    minBytes: 'int32',
    maxBytes: { type: 'int32', default: 0x7fffffff },
    isolationLevel: { type: 'int8', default: 0 },
    sessionId: { type: 'int32', default: 0 },
    /** -1: without a fetch session. */
    sessionEpoch: { type: 'int32', default: -1 },
    topics: {
      array: {
        topic: 'string',
        partitions: {
          array: {
            partition: 'int32',
            /** -1: unknown. */
            currentLeaderEpoch: { type: 'int32', default: -1 },
            fetchOffset: 'int64',
            /** The leader epoch of the record before `fetchOffset`; -1: unknown. */
            lastFetchedEpoch: { type: 'int32', from: 12, default: -1 },
            /** For followers. */
            logStartOffset: { type: 'int64', default: -1 },
            partitionMaxBytes: 'int32',
          },
        },
      },
    },
    forgottenTopicsData: {
      array: {
        topic: 'string',
        partitions: { array: 'int32' },
      },
    },
    rackId: { type: 'string', default: '' },
  },
  response: {
    throttleTimeMs: { type: 'int32', default: 0 },
    errorCode: 'int16',
    sessionId: { type: 'int32', default: 0 },
    responses: {
      array: {
        topic: 'string',
        partitions: {
          array: {
            partitionIndex: 'int32',
            errorCode: 'int16',
            highWatermark: 'int64',
            lastStableOffset: { type: 'int64', default: -1 },
            logStartOffset: { type: 'int64', default: -1 },
            /** Set if the log has no record with `lastFetchedEpoch` before `fetchOffset`: where that epoch, or the one before it, ends. */
            divergingEpoch: {
              struct: {
                epoch: { type: 'int32', default: -1 },
                endOffset: { type: 'int64', default: -1 },
              },
              from: 12,
              tag: 0,
            },
            currentLeader: {
              struct: {
                leaderId: { type: 'int32', default: -1 },
                leaderEpoch: { type: 'int32', default: -1 },
              },
              from: 12,
              tag: 1,
            },
            snapshotId: {
              struct: {
                endOffset: { type: 'int64', default: -1 },
                epoch: { type: 'int32', default: -1 },
              },
              from: 12,
              tag: 2,
            },
            /** The aborted transactions with records in the fetched range. */
            abortedTransactions: {
              nullableArray: {
                producerId: 'bigint64',
                firstOffset: 'int64',
              },
            },
            /** -1: none. */
            preferredReadReplica: { type: 'int32', default: -1 },
            /** Record batches. The last one may be incomplete. */
            records: 'nullableBytes',
          },
        },
      },
    },
  },
} as const
