import { JoineryError, type Timer } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { logClosed } from '../connection/retry.js'
import { isUnauthorized } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { fetchError } from './fetch-error.js'
import type { FetchLimits } from './fetch-limits.js'
import type { FetchListener } from './fetch-listener.js'
import { fetchOutcome } from './fetch-outcome.js'
import { type FetchResult, FetchSession } from './fetch-session.js'
import type { FetchedPartition, PartitionReader } from './partition-reader.js'
import { leaveReplica, preferReplica, readReplicaOf } from './read-replica.js'

const RETRY_MS = 100
const TOTAL_BYTES = 64 * 2 ** 20

/** Fetches for all readers, ahead of the records being processed. At most one request per broker is in flight. */
export class Fetcher {
  readonly #cluster: KafkaCluster
  readonly #limits: FetchLimits
  readonly #listener: FetchListener
  readonly #readers = new Set<PartitionReader>()
  #round: Promise<void> | undefined
  /** Whether the last round, which sends fetches to all brokers, has failed. */
  #isRetryingRound = false
  #isWakeupPending = false
  /** Brokers with a request in flight. */
  readonly #busy = new Set<number>()
  /** By broker. */
  readonly #sessions = new Map<number, FetchSession>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(cluster: KafkaCluster, limits: FetchLimits, listener: FetchListener) {
    this.#cluster = cluster
    this.#limits = limits
    this.#listener = listener
  }

  /** Bytes that were fetched ahead. */
  get bytes(): number {
    let bytes = 0
    for (const reader of this.#readers) bytes += reader.bytes
    return bytes
  }

  add(reader: PartitionReader): void {
    if (this.#isClosed) {
      reader.fail(logClosed())
      return
    }
    this.#readers.add(reader)
    this.wakeup()
  }

  remove(reader: PartitionReader): void {
    reader.close()
    this.#endRetry(reader)
    this.#readers.delete(reader)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const reader of this.#readers) reader.fail(logClosed())
    this.#readers.clear()
  }

  /** Starts the fetches that have become possible. */
  readonly wakeup = (): void => {
    this.#isWakeupPending = true
    if (this.#isClosed || this.#round !== undefined) return
    this.#isWakeupPending = false
    this.#round = this.#sendAll()
      .catch((error: unknown) => {
        this.#isRetryingRound = true
        this.#wakeupLater()
        this.#report(ROUND, error)
      })
      .finally(() => {
        this.#round = undefined
        if (this.#isWakeupPending) this.wakeup()
      })
  }

  /** Sends a fetch to every broker that has something to fetch and no fetch in flight. */
  async #sendAll(): Promise<void> {
    const now = this.#cluster.clock.monotonic()
    const isFull = this.bytes >= (this.#limits.totalBytes ?? TOTAL_BYTES)
    const byBroker = new Map<number, Map<string, PartitionReader>>()
    for (const reader of [...this.#readers]) {
      if (!reader.hasRoom || (isFull && reader.bytes > 0)) continue
      if (reader.retryAt > now) {
        this.#wakeupLater()
        continue
      }
      try {
        const { topic, partition, name } = reader
        const broker =
          readReplicaOf(reader, this.#cluster) ??
          this.#cluster.knownLeaderOf(topic, partition) ??
          (await this.#cluster.leaderOf(topic, partition))
        const requested = byBroker.get(broker) ?? new Map<string, PartitionReader>()
        byBroker.set(broker, requested)
        // a request contains a partition once: another reader of it follows in the next request
        if (!requested.has(name)) requested.set(name, reader)
      } catch (error) {
        this.#failOrRetry(reader, error)
      }
    }
    for (const [broker, readers] of byBroker) this.#start(broker, readers)
    this.#endRetryOfRound()
  }

  #start(broker: number, requested: ReadonlyMap<string, PartitionReader>): void {
    if (this.#busy.has(broker) || this.#isClosed) return
    this.#busy.add(broker)
    const session = this.#sessions.get(broker) ?? new FetchSession(this.#cluster, broker, this.#limits)
    this.#sessions.set(broker, session)
    const readers = [...requested.values()]
    const advanced = new Set<PartitionReader>()
    session
      .fetch(requested)
      .then((results) => this.#process(results, advanced))
      .catch(async (error: unknown) => {
        for (const reader of readers) {
          if (reader.preferredReplica?.node === broker) leaveReplica(reader, this.#cluster)
          this.#failOrRetry(reader, error)
        }
        await this.#refresh(readers)
      })
      .finally(() => {
        this.#busy.delete(broker)
        this.#rotate(readers, advanced)
        this.wakeup()
      })
  }

  /**
   * Moves the readers of a request to the end; those that got records come last. Brokers fill a response in the order of the
   * request, and leave out a batch that is larger than the bytes left in the response, unless it is the first. Readers of the
   * same partition take turns.
   */
  #rotate(requested: readonly PartitionReader[], advanced: ReadonlySet<PartitionReader>): void {
    for (const reader of [...requested.filter((each) => !advanced.has(each)), ...advanced]) {
      if (this.#readers.delete(reader)) this.#readers.add(reader)
    }
  }

  /** @param advanced receives the readers that got records */
  async #process(results: readonly FetchResult[], advanced: Set<PartitionReader>): Promise<void> {
    const moved: PartitionReader[] = []
    const suspects: PartitionReader[] = []
    for (const result of results) {
      const { reader, fetched, isFromPreferredReplica } = result
      const { position } = reader
      const outcome = fetchOutcome(result)
      if (outcome.type === 'records') this.#add(reader, fetched)
      else if (outcome.type === 'unknown-epoch') reader.leaderEpoch = undefined
      else if (isFromPreferredReplica) this.#returnToLeader(reader)
      else if (this.#failOrRetry(reader, outcome.error)) {
        reader.isSuspect = false
        moved.push(reader)
        if (outcome.isTruncation) suspects.push(reader)
      }
      if (reader.position !== position) advanced.add(reader)
    }
    if (moved.length > 0 && (await this.#refresh(moved))) for (const reader of suspects) reader.isSuspect = true
  }

  #add(reader: PartitionReader, fetched: FetchedPartition): void {
    this.#endRetry(reader)
    reader.isSuspect = false
    const { preferredReadReplica: node } = fetched
    if (node >= 0) preferReplica(reader, node, this.#cluster)
    try {
      reader.addFetched(fetched)
    } catch (error) {
      reader.fail(error)
    }
  }

  /** A preferred read replica may be behind: only the leader's error for a partition counts (KIP-392). */
  #returnToLeader(reader: PartitionReader): void {
    leaveReplica(reader, this.#cluster)
    reader.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    this.#wakeupLater()
  }

  /** @returns whether the fetch is retried; if not, the reader was removed, or fails with the error */
  #failOrRetry(reader: PartitionReader, cause: unknown): boolean {
    if (reader.isClosed) return false // it was removed while the request was in flight
    reader.preferredReplica = undefined
    const isRefused = cause instanceof ProtocolError && isUnauthorized(cause.code)
    const error = isRefused ? fetchError(cause.code, reader) : cause
    if (error instanceof JoineryError && !error.retriable) {
      this.#endRetry(reader)
      reader.fail(error)
      return false
    }
    reader.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    reader.isRetrying = true
    this.#report(fetchLabel(reader), error)
    this.#wakeupLater()
    return true
  }

  /** @returns whether metadata was fetched */
  async #refresh(readers: readonly PartitionReader[]): Promise<boolean> {
    if (this.#isClosed) return false
    try {
      await this.#cluster.refresh([...new Set(readers.map(({ topic }) => topic))])
      return true
    } catch (error) {
      const retrying = readers.find(({ isRetrying }) => isRetrying)
      if (retrying !== undefined) this.#report(fetchLabel(retrying), error)
      return false
    }
  }

  /** After {@link close}, errors from aborted requests are not reported. */
  #report(what: string, error: unknown): void {
    if (!this.#isClosed) this.#listener.onRetry(what, error)
  }

  #endRetry(reader: PartitionReader): void {
    if (!reader.isRetrying) return
    reader.isRetrying = false
    this.#listener.onRetryEnd?.(fetchLabel(reader))
  }

  #endRetryOfRound(): void {
    if (!this.#isRetryingRound) return
    this.#isRetryingRound = false
    this.#listener.onRetryEnd?.(ROUND)
  }

  #wakeupLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = this.#cluster.clock.setTimeout(() => {
      this.#timer = undefined
      this.wakeup()
    }, RETRY_MS)
  }
}

const ROUND = 'fetch'
const fetchLabel = ({ name }: PartitionReader): string => `fetch ${name}`
