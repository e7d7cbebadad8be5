import type { ResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import type { API_VERSIONS } from '../../../../kafkajs/src/protocol/api-versions.js'

/** The versions of APIs, by their keys. */
export type ApiRanges = ResponseOf<typeof API_VERSIONS>['apiKeys']

/** A release of Kafka. */
export type Release = '2.8' | '3.9' | '4.3'
type Versions = Readonly<Record<number, readonly [minVersion: number, maxVersion: number]>>

/**
 * The versions of APIs, by their keys: Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch, FindCoordinator,
 * JoinGroup, Heartbeat, LeaveGroup, SyncGroup, ApiVersions, CreateTopics, InitProducerId, AddPartitionsToTxn, EndTxn,
 * DescribeConfigs.
 */
const RELEASES: Readonly<Record<Release, Versions>> = {
  '2.8': {
    ...{ 0: [0, 9], 1: [0, 12], 2: [0, 6], 3: [0, 11], 8: [0, 8], 9: [0, 7], 10: [0, 3], 18: [0, 3] },
    ...{ 11: [0, 7], 12: [0, 4], 13: [0, 4], 14: [0, 5] },
    ...{ 19: [0, 7], 22: [0, 4], 24: [0, 3], 26: [0, 3], 32: [0, 4] },
  },
  '3.9': {
    ...{ 0: [0, 11], 1: [0, 17], 2: [0, 9], 3: [0, 12], 8: [0, 9], 9: [0, 9], 10: [0, 6], 18: [0, 4] },
    ...{ 11: [0, 9], 12: [0, 4], 13: [0, 5], 14: [0, 5] },
    ...{ 19: [0, 7], 22: [0, 5], 24: [0, 5], 26: [0, 4], 32: [0, 4] },
  },
  '4.3': {
    ...{ 0: [3, 13], 1: [4, 18], 2: [1, 11], 3: [0, 13], 8: [2, 10], 9: [1, 10], 10: [0, 6], 18: [0, 4] },
    ...{ 11: [0, 9], 12: [0, 4], 13: [0, 5], 14: [0, 5] },
    ...{ 19: [2, 7], 22: [0, 6], 24: [0, 5], 26: [0, 5], 32: [1, 4] },
  },
}

/** The release that can finalize `transaction.version` 2. */
export const LATEST: Release = '4.3'

/** @returns the versions of the APIs that brokers of a release have */
export const apiRanges = (release: Release): ApiRanges =>
  Object.entries(RELEASES[release]).map(([key, [minVersion, maxVersion]]) => ({
    apiKey: Number(key),
    minVersion,
    maxVersion,
  }))
