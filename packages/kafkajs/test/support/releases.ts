import { BrokerVersions } from '../../src/connection/broker-versions.js'
import type { ResponseOf } from '../../src/protocol/api.js'
import type { API_VERSIONS } from '../../src/protocol/api-versions.js'
import { APIS } from '../protocol/apis.js'

/** The versions of APIs in releases of Kafka, as in their message definitions. */
const RELEASES = {
  '2.7':
    'Produce 0-8, Fetch 0-12, ListOffsets 0-5, Metadata 0-9, OffsetCommit 0-8, OffsetFetch 0-7, FindCoordinator 0-3, JoinGroup 0-7, Heartbeat 0-4, LeaveGroup 0-4, SyncGroup 0-5, ApiVersions 0-3, CreateTopics 0-6, DeleteRecords 0-2, InitProducerId 0-4, AddPartitionsToTxn 0-2, EndTxn 0-2, DescribeConfigs 0-3',
  '2.8':
    'Produce 0-9, Fetch 0-12, ListOffsets 0-6, Metadata 0-11, OffsetCommit 0-8, OffsetFetch 0-7, FindCoordinator 0-3, JoinGroup 0-7, Heartbeat 0-4, LeaveGroup 0-4, SyncGroup 0-5, ApiVersions 0-3, CreateTopics 0-7, DeleteRecords 0-2, InitProducerId 0-4, AddPartitionsToTxn 0-3, EndTxn 0-3, DescribeConfigs 0-4',
  '3.9':
    'Produce 0-11, Fetch 0-17, ListOffsets 0-9, Metadata 0-12, OffsetCommit 0-9, OffsetFetch 0-9, FindCoordinator 0-6, JoinGroup 0-9, Heartbeat 0-4, LeaveGroup 0-5, SyncGroup 0-5, ApiVersions 0-4, CreateTopics 0-7, DeleteRecords 0-2, InitProducerId 0-5, AddPartitionsToTxn 0-5, EndTxn 0-4, DescribeConfigs 0-4, DescribeTransactions 0-0',
  '4.0':
    'Produce 3-12, Fetch 4-17, ListOffsets 1-10, Metadata 0-13, OffsetCommit 2-9, OffsetFetch 1-9, FindCoordinator 0-6, JoinGroup 2-9, Heartbeat 0-4, LeaveGroup 0-5, SyncGroup 0-5, ApiVersions 0-4, CreateTopics 2-7, DeleteRecords 0-2, InitProducerId 0-5, AddPartitionsToTxn 0-5, EndTxn 0-5, DescribeConfigs 1-4, DescribeTransactions 0-0',
  '4.3':
    'Produce 3-13, Fetch 4-18, ListOffsets 1-11, Metadata 0-13, OffsetCommit 2-10, OffsetFetch 1-10, FindCoordinator 0-6, JoinGroup 0-9, Heartbeat 0-4, LeaveGroup 0-5, SyncGroup 0-5, ApiVersions 0-4, CreateTopics 2-7, DeleteRecords 0-2, InitProducerId 0-6, AddPartitionsToTxn 0-5, EndTxn 0-5, DescribeConfigs 1-4, DescribeTransactions 0-0',
} as const

export type Release = keyof typeof RELEASES
export type ApiKeys = ResponseOf<typeof API_VERSIONS>['apiKeys']

/** @returns the versions in the ApiVersions response of a release */
export const apiKeysOf = (release: Release): ApiKeys => apiKeys(RELEASES[release])

/** @param versions for example `Produce 3-13, Fetch 4-18` */
export const apiKeys = (versions: string): ApiKeys =>
  versions.split(', ').map((each) => {
    const [name, range = ''] = each.split(' ')
    const [minVersion = 0, maxVersion = 0] = range.split('-').map(Number)
    return { apiKey: APIS.find((api) => api.name === name)?.key ?? -1, minVersion, maxVersion }
  })

export const versionsOf = (release: Release): BrokerVersions => new BrokerVersions('broker-1:9092', apiKeysOf(release))
