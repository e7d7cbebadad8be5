import type { RequestOf } from '../protocol/api.js'
import { type FETCH, ISOLATION_LEVEL } from '../protocol/fetch.js'
import type { PartitionReader } from './partition-reader.js'

/** Limits of the bytes that are fetched. */
export interface FetchLimits {
  /** Bytes requested of all partitions in one response. */
  readonly maxBytes: number
  /** Bytes requested of one partition. */
  readonly maxPartitionBytes: number
  /** The rack of this process; empty for none. */
  readonly rack?: string
  /** Once this many bytes are held, only partitions without prefetched records are fetched; default 64 MiB. */
  readonly totalBytes?: number
}

/** Short, so that a partition which has room again does not wait long for a poll that is in flight. */
const MAX_WAIT_MS = 100
/** The largest response that is requested. */
const MAX_RESPONSE_BYTES = 256 * 2 ** 20

type FetchRequest = RequestOf<typeof FETCH>
type FetchPartition = FetchRequest['topics'][number]['partitions'][number]

/** @returns one request for the next records of these readers, committed ones only */
export function fetchRequest(readers: readonly PartitionReader[], limits: FetchLimits): FetchRequest {
  let { maxBytes } = limits
  const byTopic = new Map<string, FetchPartition[]>()
  for (const { topic, partition, position, fetchSizeFactor } of readers) {
    const partitionMaxBytes = Math.min(limits.maxPartitionBytes * fetchSizeFactor, MAX_RESPONSE_BYTES)
    maxBytes = Math.max(maxBytes, partitionMaxBytes)
    const partitions = byTopic.get(topic) ?? []
    byTopic.set(topic, partitions)
    partitions.push({ partition, fetchOffset: position, partitionMaxBytes })
  }
  return {
    maxWaitMs: MAX_WAIT_MS,
    minBytes: 1,
    maxBytes,
    isolationLevel: ISOLATION_LEVEL.readCommitted,
    topics: Array.from(byTopic, ([topic, partitions]) => ({ topic, partitions })),
    forgottenTopicsData: [],
  }
}
