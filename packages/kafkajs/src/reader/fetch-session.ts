import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { partitionName } from '../connection/partition-name.js'
import type { RequestOf } from '../protocol/api.js'
import { CODE } from '../protocol/error-codes.js'
import { FETCH, ISOLATION_LEVEL } from '../protocol/fetch.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import type { FetchLimits } from './fetch-limits.js'
import type { FetchedPartition, PartitionReader } from './partition-reader.js'

/** Short, so that a partition which has room again does not wait long for a poll that is in flight. */
const MAX_WAIT_MS = 100
/** The largest response that is requested. */
const MAX_RESPONSE_BYTES = 256 * 2 ** 20
/** The id of a request or a response without a session. */
const NO_SESSION = 0
/** The epoch of the request that begins a session, and ends the one before. */
const FIRST_EPOCH = 0
const LAST_EPOCH = 0x7fffffff

/** The response of a broker for a partition, at the position that its reader still has. */
export interface FetchResult {
  readonly reader: PartitionReader
  readonly fetched: FetchedPartition
  /** Whether the broker is the reader's preferred replica. */
  readonly isFromPreferredReplica: boolean
  /** Whether the broker has confirmed that it leads the partition, with an epoch that is as new as what was read. */
  readonly isFromCurrentLeader: boolean
}

type FetchRequest = RequestOf<typeof FETCH>
type FetchPartition = FetchRequest['topics'][number]['partitions'][number]

/** A partition of a session, as the broker knows it. */
interface SessionPartition {
  readonly reader: PartitionReader
  readonly fetchOffset: number
  readonly partitionMaxBytes: number
  readonly lastFetchedEpoch: number
  /** -1: not compared. */
  readonly currentLeaderEpoch: number
  readonly isFromCurrentLeader: boolean
}

const UNKNOWN_EPOCH = -1

/**
 * The incremental fetch session with a broker (KIP-227). Its first request names all partitions. Each later one names those
 * whose position or size has changed, are new, or are read no longer, and the response contains only partitions with news. So the
 * cost of a request does not grow with idle partitions. A new reader of a partition also needs what the one before it has
 * received: a new session begins.
 *
 * ```text
 *           the broker has a session
 *   full ──────────────────────────────► incremental
 *        ◄──────────────────────────────
 *       a request has failed, the broker
 *        has ended the session, or a
 *        partition has a new reader
 * ```
 *
 * The state is the epoch of the next request. It can remain in each state, too, so that no transition is illegal.
 */
export class FetchSession {
  readonly #cluster: KafkaCluster
  readonly #broker: number
  readonly #limits: FetchLimits
  readonly #partitions = new Map<string, SessionPartition>()
  #id = NO_SESSION
  #epoch = FIRST_EPOCH

  constructor(cluster: KafkaCluster, broker: number, limits: FetchLimits) {
    this.#cluster = cluster
    this.#broker = broker
    this.#limits = limits
  }

  /**
   * Fetches the next committed records. Only one request may be in flight.
   *
   * @param readers of different partitions, by the partitions' names
   * @returns what is new; nothing if the broker has ended the session
   */
  async fetch(readers: ReadonlyMap<string, PartitionReader>): Promise<readonly FetchResult[]> {
    try {
      return await this.#fetch(readers)
    } catch (error) {
      const isOver = this.#epoch !== FIRST_EPOCH && error instanceof ProtocolError && SESSION_ERRORS.has(error.code)
      this.#restart()
      if (isOver) return []
      throw error
    }
  }

  async #fetch(readers: ReadonlyMap<string, PartitionReader>): Promise<readonly FetchResult[]> {
    const request = this.#request(readers)
    const fromLeader = (reader: PartitionReader) => reader.preferredReplica?.node !== this.#broker
    const preferred = new Set([...readers.values()].filter((reader) => !fromLeader(reader)))
    const mustLead = [...readers.values()].filter(fromLeader)
    const options = { maxWaitMs: MAX_WAIT_MS, mustLead }
    const response = await this.#cluster.request(this.#broker, 'fetch', FETCH, request, options)
    const { errorCode, sessionId, responses } = response
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${FETCH.name} from broker ${this.#broker}`)
    const results: FetchResult[] = []
    for (const { topic, partitions } of responses) {
      for (const fetched of partitions) {
        const known = this.#partitions.get(partitionName({ topic, partition: fetched.partitionIndex }))
        if (known === undefined) continue
        const { reader, fetchOffset, isFromCurrentLeader } = known
        // a response to a request for another position is obsolete
        if (reader.isClosed || reader.position !== fetchOffset) continue
        results.push({ reader, fetched, isFromPreferredReplica: preferred.has(reader), isFromCurrentLeader })
      }
    }
    this.#continue(sessionId)
    return results
  }

  #request(readers: ReadonlyMap<string, PartitionReader>): FetchRequest {
    if (this.#hasNewReader(readers)) this.#restart()
    let { maxBytes } = this.#limits
    let rackId = this.#limits.rack
    const byTopic = new Map<string, FetchPartition[]>()
    for (const [name, reader] of readers) {
      if (reader.leaderOnlyUntil !== undefined) rackId = ''
      const { topic, partition } = reader
      const requested = this.#sessionPartition(reader)
      const { fetchOffset, partitionMaxBytes, lastFetchedEpoch, currentLeaderEpoch } = requested
      maxBytes = Math.max(maxBytes, partitionMaxBytes)
      const known = this.#partitions.get(name)
      if (known !== undefined && isSame(known, requested)) continue
      this.#partitions.set(name, requested)
      inTopic(byTopic, topic).push({
        partition,
        currentLeaderEpoch,
        fetchOffset,
        lastFetchedEpoch,
        partitionMaxBytes,
      })
    }
    return {
      maxWaitMs: MAX_WAIT_MS,
      minBytes: 1,
      maxBytes,
      isolationLevel: ISOLATION_LEVEL.readCommitted,
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: Array.from(byTopic, ([topic, partitions]) => ({ topic, partitions })),
      forgottenTopicsData: this.#forget(readers),
      rackId,
    }
  }

  #sessionPartition(reader: PartitionReader): SessionPartition {
    const { topic, partition, position: fetchOffset, fetchSizeFactor, leaderEpoch = UNKNOWN_EPOCH, isSuspect } = reader
    // compared only where it matters: with each election, fetches would fail until metadata is fetched
    const currentLeaderEpoch = isSuspect ? this.#cluster.knownLeaderEpochOf(topic, partition) : UNKNOWN_EPOCH
    return {
      reader,
      fetchOffset,
      partitionMaxBytes: Math.min(this.#limits.maxPartitionBytes * fetchSizeFactor, MAX_RESPONSE_BYTES),
      lastFetchedEpoch: leaderEpoch,
      currentLeaderEpoch,
      // metadata that names an older epoch than what was read is outdated
      isFromCurrentLeader: isSuspect && (currentLeaderEpoch === UNKNOWN_EPOCH || currentLeaderEpoch >= leaderEpoch),
    }
  }

  #hasNewReader(readers: ReadonlyMap<string, PartitionReader>): boolean {
    for (const [name, { reader }] of this.#partitions) if ((readers.get(name) ?? reader) !== reader) return true
    return false
  }

  /** Removes the partitions that are not read any longer. */
  #forget(readers: ReadonlyMap<string, PartitionReader>): FetchRequest['forgottenTopicsData'] {
    if (this.#partitions.size === readers.size) return [] // those of the readers were added
    const byTopic = new Map<string, number[]>()
    for (const [name, { reader }] of this.#partitions) {
      if (readers.has(name)) continue
      this.#partitions.delete(name)
      inTopic(byTopic, reader.topic).push(reader.partition)
    }
    return Array.from(byTopic, ([topic, partitions]) => ({ topic, partitions }))
  }

  #continue(sessionId: number): void {
    if (sessionId === NO_SESSION) this.#restart()
    else this.#epoch = this.#epoch === LAST_EPOCH ? FIRST_EPOCH + 1 : this.#epoch + 1
    this.#id = sessionId
  }

  /** The next request ends the session, and begins a new one. */
  #restart(): void {
    this.#epoch = FIRST_EPOCH
    this.#partitions.clear()
  }
}

/** The broker has dropped the session, or a request of it was lost. */
const SESSION_ERRORS = new Set<number>([CODE.FETCH_SESSION_ID_NOT_FOUND, CODE.INVALID_FETCH_SESSION_EPOCH])

const isSame = (known: SessionPartition, requested: SessionPartition): boolean =>
  known.fetchOffset === requested.fetchOffset &&
  known.partitionMaxBytes === requested.partitionMaxBytes &&
  known.lastFetchedEpoch === requested.lastFetchedEpoch &&
  known.currentLeaderEpoch === requested.currentLeaderEpoch &&
  known.isFromCurrentLeader === requested.isFromCurrentLeader

function inTopic<T>(byTopic: Map<string, T[]>, topic: string): T[] {
  const partitions = byTopic.get(topic) ?? []
  byTopic.set(topic, partitions)
  return partitions
}
