import { JoineryError, type Timer } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { logClosed } from '../connection/retry.js'
import { CODE, isUnauthorized } from '../protocol/error-codes.js'
import { FETCH } from '../protocol/fetch.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { fetchError } from './fetch-error.js'
import { type FetchLimits, fetchRequest } from './fetch-request.js'
import type { FetchedPartition, PartitionReader } from './partition-reader.js'

const RETRY_MS = 100
const TOTAL_BYTES = 64 * 2 ** 20
/** How long a preferred read replica is used before the leader chooses again: the default of Kafka's consumer. */
const PREFERRED_REPLICA_MS = 300_000

/** Is notified of retries. `what` is `fetch <topic>[<partition>]`, or `fetch` if not even the requests could be prepared. */
export interface FetchListener {
  /** A fetch has failed, and is retried. */
  onRetry(what: string, error: unknown): void
  /** The retries have ended: the fetch has succeeded or failed for good, or its reader was removed. */
  onRetryEnd?(what: string): void
}

/** What a request asks for. */
type RequestedPartitions = ReadonlyMap<PartitionReader, { readonly position: number; readonly isFromReplica: boolean }>

/** Fetches for all readers, ahead of the records being processed. At most one request per broker is in flight. */
export class Fetcher {
  readonly #cluster: KafkaCluster
  readonly #limits: FetchLimits
  readonly #listener: FetchListener
  readonly #readers = new Set<PartitionReader>()
  #round: Promise<void> | undefined
  /** Whether the last round has failed. */
  #isRetryingRound = false
  #isWakeupPending = false
  /** Brokers with a request in flight. */
  readonly #busy = new Set<number>()
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
        const { topic, partition, replica } = reader
        if (replica !== undefined && now >= replica.until) reader.replica = undefined
        const broker = reader.replica?.node ?? (await this.#cluster.leaderOf(topic, partition))
        const requested = byBroker.get(broker) ?? new Map<string, PartitionReader>()
        byBroker.set(broker, requested)
        const id = `${topic}/${partition}`
        // a request contains a partition once: another reader of it follows in the next request
        if (!requested.has(id)) requested.set(id, reader)
      } catch (error) {
        this.#failOrRetry(reader, error)
      }
    }
    for (const [broker, requested] of byBroker) this.#start(broker, [...requested.values()])
    this.#endRetryOfRound()
  }

  #start(broker: number, readers: readonly PartitionReader[]): void {
    if (this.#busy.has(broker) || this.#isClosed) return
    this.#busy.add(broker)
    const requested: RequestedPartitions = new Map(
      readers.map((each) => [each, { position: each.position, isFromReplica: each.replica?.node === broker }]),
    )
    this.#fetch(broker, requested)
      .catch(async (error: unknown) => {
        for (const reader of readers) this.#failOrRetry(reader, error)
        await this.#refresh(readers)
      })
      .finally(() => {
        this.#busy.delete(broker)
        this.#rotate(requested)
        this.wakeup()
      })
  }

  /**
   * Moves the readers of a request to the end; those that got records come last. Brokers fill a response in the order
   * of the request, and leave out a batch that is larger than the bytes left in the response, unless it is the first.
   */
  #rotate(requested: RequestedPartitions): void {
    const hasAdvanced = (reader: PartitionReader) => reader.position !== requested.get(reader)?.position
    const all = [...requested.keys()]
    for (const reader of [...all.filter((each) => !hasAdvanced(each)), ...all.filter(hasAdvanced)]) {
      if (this.#readers.delete(reader)) this.#readers.add(reader)
    }
  }

  async #fetch(broker: number, requested: RequestedPartitions): Promise<void> {
    const readers = [...requested.keys()]
    const request = fetchRequest(readers, this.#limits)
    const { maxWaitMs } = request
    const { errorCode, responses } = await this.#cluster.request(broker, 'fetch', FETCH, request, { maxWaitMs })
    if (errorCode !== CODE.NONE) throw new ProtocolError(errorCode, `${FETCH.name} from broker ${broker}`)
    const moved: PartitionReader[] = []
    for (const { topic, partitions } of responses) {
      for (const fetched of partitions) {
        const { partitionIndex } = fetched
        const reader = readers.find((each) => each.topic === topic && each.partition === partitionIndex)
        // a response to a request for another position is obsolete
        if (reader === undefined || reader.isClosed || reader.position !== requested.get(reader)?.position) continue
        if (fetched.errorCode === CODE.NONE) this.#add(reader, fetched)
        else if (requested.get(reader)?.isFromReplica) this.#returnToLeader(reader)
        else if (this.#failOrRetry(reader, fetchError(fetched.errorCode, reader))) moved.push(reader)
      }
    }
    if (moved.length > 0) await this.#refresh(moved)
  }

  #add(reader: PartitionReader, fetched: FetchedPartition): void {
    this.#endRetry(reader)
    const { preferredReadReplica: node } = fetched
    if (node >= 0) reader.replica = { node, until: this.#cluster.clock.monotonic() + PREFERRED_REPLICA_MS }
    try {
      reader.addFetched(fetched)
    } catch (error) {
      reader.fail(error)
    }
  }

  /** A preferred read replica may be behind: only the leader's error for a partition counts (KIP-392). */
  #returnToLeader(reader: PartitionReader): void {
    reader.replica = undefined
    reader.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    this.#wakeupLater()
  }

  /** @returns whether the fetch is retried; if not, the reader was removed, or fails with the error */
  #failOrRetry(reader: PartitionReader, cause: unknown): boolean {
    if (reader.isClosed) return false // it was removed while the request was in flight
    reader.replica = undefined
    const isRefused = cause instanceof ProtocolError && isUnauthorized(cause.code)
    const error = isRefused ? fetchError(cause.code, reader) : cause
    if (error instanceof JoineryError && !error.retriable) {
      this.#endRetry(reader)
      reader.fail(error)
      return false
    }
    reader.retryAt = this.#cluster.clock.monotonic() + RETRY_MS
    reader.isRetrying = true
    this.#report(fetchOf(reader), error)
    this.#wakeupLater()
    return true
  }

  async #refresh(readers: readonly PartitionReader[]): Promise<void> {
    if (this.#isClosed) return
    await this.#cluster.refresh([...new Set(readers.map(({ topic }) => topic))]).catch((error: unknown) => {
      const retrying = readers.find(({ isRetrying }) => isRetrying)
      if (retrying !== undefined) this.#report(fetchOf(retrying), error)
    })
  }

  /** After {@link close}, errors from aborted requests are not reported. */
  #report(what: string, error: unknown): void {
    if (!this.#isClosed) this.#listener.onRetry(what, error)
  }

  #endRetry(reader: PartitionReader): void {
    if (!reader.isRetrying) return
    reader.isRetrying = false
    this.#listener.onRetryEnd?.(fetchOf(reader))
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
const fetchOf = ({ topic, partition }: PartitionReader): string => `fetch ${topic}[${partition}]`
