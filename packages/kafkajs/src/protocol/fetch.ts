/** `isolationLevel` of this request and of ListOffsets. */
export const ISOLATION_LEVEL = { readUncommitted: 0, readCommitted: 1 } as const
/** `replicaId` of a consumer. */
export const CONSUMER_REPLICA_ID = -1

/** Version 12 is the first with `lastFetchedEpoch` and `divergingEpoch`: truncated logs are noticed (KIP-595). */
export const FETCH = {
  key: 1,
  name: 'Fetch',
  minVersion: 12,
  maxVersion: 12,
  firstFlexibleVersion: 12,
  request: {
    clusterId: { type: 'nullableString', tag: 0 },
    replicaId: { type: 'int32', default: -1 },
    maxWaitMs: 'int32',
    minBytes: 'int32',
    maxBytes: { type: 'int32', default: 0x7fffffff },
    isolationLevel: { type: 'int8', default: 0 },
    /** 0: none. */
    sessionId: { type: 'int32', default: 0 },
    /** 0: begins a fetch session, and ends the one with `sessionId`; -1: without one, after ending it (KIP-227). */
    sessionEpoch: { type: 'int32', default: -1 },
    topics: {
      array: {
        topic: 'string',
        partitions: {
          array: {
            partition: 'int32',
            /** The epoch that the leader must have; -1: any. */
            currentLeaderEpoch: { type: 'int32', default: -1 },
            fetchOffset: 'int64',
            /** The leader epoch of the record before `fetchOffset`; -1: unknown. */
            lastFetchedEpoch: { type: 'int32', default: -1 },
            /** For followers. */
            logStartOffset: { type: 'int64', default: -1 },
            partitionMaxBytes: 'int32',
          },
        },
      },
    },
    /** Partitions to remove from the session. */
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
    /** 0: none. */
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
              tag: 0,
            },
            currentLeader: {
              struct: {
                leaderId: { type: 'int32', default: -1 },
                leaderEpoch: { type: 'int32', default: -1 },
              },
              tag: 1,
            },
            snapshotId: {
              struct: {
                endOffset: { type: 'int64', default: -1 },
                epoch: { type: 'int32', default: -1 },
              },
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
