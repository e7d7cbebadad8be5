import { isJoineryError, JoineryError, type LogRecord } from '@joinery/core'
import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { retry } from '../connection/retry.js'
import { CODE, isLeaderMoved } from '../protocol/error-codes.js'
import { FETCH, ISOLATION_LEVEL } from '../protocol/fetch.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { ATTRIBUTE } from '../protocol/record-batch/record-batch.js'
import {
  type BatchHeader,
  batchHeaders,
  decodeBatch,
  producerIdOf,
} from '../protocol/record-batch/record-batch-decoder.js'

/** A batch in the log, whether its transaction is committed or not. */
export interface UncommittedBatch {
  readonly baseOffset: number
  /** The offset after the batch. */
  readonly next: number
  readonly producerId: bigint
  /** Whether it holds a marker instead of records. */
  readonly isControl: boolean
  /** Decodes its records. */
  readonly records: () => readonly LogRecord[]
}

/** What {@link uncommittedBatches} reads. */
export interface UncommittedRange extends TopicPartition {
  readonly from: number
  /** The offset to stop before. */
  readonly to: number
  /** For how long to retry while there is no leader, or the leader does not have the offsets yet, in milliseconds. */
  readonly timeoutMs: number
}

const RETRY_MS = 50
const MAX_WAIT_MS = 100
const MAX_BYTES = 2 ** 20
const MAX_DECOMPRESSED_BYTES = 64 * 2 ** 20

/**
 * Reads the batches between two offsets, those of open and of aborted transactions included. After a change of leaders the
 * new one may have the offsets only later, so it fetches until it has reached the end.
 *
 * @throws JoineryError, retriable, if it does not reach the end in time; ProtocolError
 */
export async function* uncommittedBatches(
  cluster: KafkaCluster,
  range: UncommittedRange,
): AsyncGenerator<UncommittedBatch, void, void> {
  const { topic, partition, from, to, timeoutMs } = range
  const { clock } = cluster
  const until = clock.monotonic() + timeoutMs
  let at = from
  while (at < to) {
    if (clock.monotonic() >= until) throw notReached(range, at)
    const bytes = await fetchUncommitted(cluster, { topic, partition, from: at, until })
    const before = at
    for (const header of batchHeaders(bytes, 0, bytes.length, range)) {
      if (header.next <= at) continue
      if (header.baseOffset >= to) return
      yield uncommittedBatch(bytes, header, range)
      at = header.next
    }
    if (at === before && bytes.length > 0) throw notReached(range, at)
  }
}

function uncommittedBatch(bytes: Buffer, header: BatchHeader, place: TopicPartition): UncommittedBatch {
  return {
    baseOffset: header.baseOffset,
    next: header.next,
    producerId: producerIdOf(bytes, header),
    isControl: (header.attributes & ATTRIBUTE.control) !== 0,
    records: () => {
      const records: LogRecord[] = []
      const { topic, partition } = place
      decodeBatch(bytes, header, 0, records, { topic, partition, maxDecompressedBytes: MAX_DECOMPRESSED_BYTES })
      return records
    },
  }
}

async function fetchUncommitted(
  cluster: KafkaCluster,
  { topic, partition, from, until }: TopicPartition & { readonly from: number; readonly until: number },
): Promise<Buffer> {
  const request = {
    maxWaitMs: MAX_WAIT_MS,
    minBytes: 1,
    maxBytes: MAX_BYTES,
    isolationLevel: ISOLATION_LEVEL.readUncommitted,
    topics: [{ topic, partitions: [{ partition, fetchOffset: from, partitionMaxBytes: MAX_BYTES }] }],
    forgottenTopicsData: [],
  }
  const attempt = async () => {
    const leader = await cluster.leaderOf(topic, partition)
    const options = { maxWaitMs: MAX_WAIT_MS, mustLead: [{ topic, partition }] }
    const { errorCode, responses } = await cluster.request(leader, 'fetch', FETCH, request, options)
    const fetched = responses[0]?.partitions[0]
    const code = errorCode === CODE.NONE ? (fetched?.errorCode ?? CODE.UNKNOWN_SERVER_ERROR) : errorCode
    if (code !== CODE.NONE) throw new ProtocolError(code, `${FETCH.name} of ${topic}[${partition}]`, topic)
    return fetched?.records ?? Buffer.alloc(0)
  }
  return retry(attempt, {
    clock: cluster.clock,
    signal: cluster.closed,
    maxAttempts: Number.POSITIVE_INFINITY,
    isRetriable: (error) => {
      if (cluster.clock.monotonic() >= until) return false
      if (!(error instanceof ProtocolError)) return isJoineryError(error) && error.retriable
      // a new leader may not have the offset yet
      return isLeaderMoved(error.code) || error.code === CODE.OFFSET_OUT_OF_RANGE
    },
    delayMs: () => RETRY_MS,
    beforeRetry: () => cluster.refresh([topic]).catch(() => {}), // the next attempt shows what is wrong
  })
}

const notReached = ({ topic, partition, to }: UncommittedRange, offset: number): JoineryError =>
  new JoineryError('LOG_FAILED', `could not read ${topic}[${partition}] from offset ${offset} to ${to}`, {
    topic,
    partition,
    offset,
    retriable: true,
  })
