import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { sleep } from '../../connection/retry.js'
import { CODE } from '../../protocol/error-codes.js'
import { METADATA } from '../../protocol/metadata.js'
import { ProtocolError } from '../../protocol/protocol-error.js'
import { lastingError } from '../fatal-error.js'
import type { FaultyPartitions } from './faulty-partitions.js'
import type { PartResult, TransactionPart } from './transaction-part.js'

/** A part that waits for a transaction, or is in one. */
export interface QueuedPart {
  readonly part: TransactionPart
  readonly resolve: (result: PartResult) => void
  /** In monotonic milliseconds. */
  readonly queuedAt: number
  /** How often it was in a transaction that failed for another reason than this part. */
  attempts: number
}

/** Options of {@link PartQueue}. */
export interface PartQueueOptions {
  /** How long a part waits while one of its partitions has no leader, in milliseconds. */
  readonly timeoutMs: number
  readonly faulty: Pick<FaultyPartitions, 'hasPart'>
}

/** The parts that wait for the next transaction. */
export class PartQueue {
  readonly #cluster: KafkaCluster
  readonly #options: PartQueueOptions
  #parts: QueuedPart[] = []
  /** Aborts when a part is added. */
  #added = new AbortController()
  /** Whether it is the turn of the parts of faulty partitions. */
  #isFaultyNext = false

  constructor(cluster: KafkaCluster, options: PartQueueOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  /** Adds a part. Resolves with its outcome. */
  add(part: TransactionPart): Promise<PartResult> {
    return new Promise((resolve) => {
      this.#parts.push({ part, resolve, queuedAt: this.#cluster.clock.monotonic(), attempts: 0 })
      this.#added.abort()
    })
  }

  /** Puts parts back that were taken: they come first. */
  putBack(parts: readonly QueuedPart[]): void {
    this.#parts.unshift(...parts)
  }

  /** @returns all parts, which are in the queue no longer */
  clear(): readonly QueuedPart[] {
    return this.#parts.splice(0)
  }

  /**
   * Takes the parts of the next transaction: those whose partitions have leaders, so that one partition does not hold up the
   * tasks that do not need it. Those of faulty partitions take turns with the others. A later session of the same process
   * fences a part.
   *
   * @param maxBytes the largest size of a transaction, unless its first part is larger
   */
  async take(maxBytes: number): Promise<readonly QueuedPart[]> {
    this.#added = new AbortController()
    const left: QueuedPart[] = []
    const waiting = this.clear()
    const errorOf = await this.#leaderErrors(waiting)
    const ready = new Set<QueuedPart>()
    for (const queued of waiting) {
      const { part, queuedAt, resolve } = queued
      const error = errorOf(part)
      const isTooLong = error !== undefined && this.#cluster.clock.monotonic() - queuedAt > this.#options.timeoutMs
      if (part.isSuperseded()) resolve({ outcome: 'fenced', cause: undefined })
      else if (isTooLong) resolve({ outcome: 'rejected', cause: lastingError(error) })
      else {
        left.push(queued)
        if (error === undefined) ready.add(queued)
      }
    }
    const taken = this.#fitting(this.#turnOf([...ready]), maxBytes)
    this.putBack(left.filter((queued) => !taken.has(queued)))
    return [...taken]
  }

  /** Resolves when a part has been added since the last {@link take}, or after `ms`, or when the log is closed. */
  async nextPart(ms: number): Promise<void> {
    const { clock, closed } = this.#cluster
    const added = this.#added
    const onClosed = () => added.abort()
    closed.addEventListener('abort', onClosed)
    if (closed.aborted) onClosed()
    await sleep(clock, ms, added.signal)
    closed.removeEventListener('abort', onClosed)
  }

  /** @returns either the parts of faulty partitions, or the others */
  #turnOf(ready: readonly QueuedPart[]): readonly QueuedPart[] {
    const isFaulty = ({ part }: QueuedPart) => this.#options.faulty.hasPart(part)
    const faulty = ready.filter(isFaulty)
    const others = ready.filter((queued) => !faulty.includes(queued))
    if (faulty.length === 0) return others
    this.#isFaultyNext = others.length > 0 && !this.#isFaultyNext
    return this.#isFaultyNext ? others : faulty
  }

  #fitting(parts: readonly QueuedPart[], maxBytes: number): ReadonlySet<QueuedPart> {
    const taken = new Set<QueuedPart>()
    let bytes = 0
    for (const queued of parts) {
      if (taken.size > 0 && bytes + queued.part.bytes > maxBytes) continue
      bytes += queued.part.bytes
      taken.add(queued)
    }
    return taken
  }

  /**
   * Looks up the leaders that are not known, with one request.
   *
   * @returns a function that returns the error of a part's first partition without a leader
   */
  async #leaderErrors(waiting: readonly QueuedPart[]): Promise<(part: TransactionPart) => unknown> {
    const isKnown = ({ topic, partition }: TopicPartition) =>
      this.#cluster.knownLeaderOf(topic, partition) !== undefined
    const unknown = waiting.flatMap(({ part }) => placesOf(part).filter((place) => !isKnown(place)))
    if (unknown.length === 0) return () => undefined
    try {
      const found = await this.#cluster.refresh([...new Set(unknown.map(({ topic }) => topic))])
      const topics = new Map(found.map((each) => [each.topic, each]))
      const hasLeader = (place: TopicPartition) =>
        isKnown(place) || (topics.get(place.topic)?.leaders[place.partition] ?? -1) >= 0
      return (part) => {
        const leaderless = placesOf(part).find((place) => !hasLeader(place))
        return leaderless && noLeader(leaderless, topics.get(leaderless.topic)?.code)
      }
    } catch (error) {
      return (part) => (placesOf(part).every(isKnown) ? undefined : error)
    }
  }
}

const placesOf = ({ changelog, outputs }: TransactionPart): readonly TopicPartition[] => [changelog, ...outputs]

function noLeader({ topic, partition }: TopicPartition, code: number = CODE.NONE): ProtocolError {
  const problem = code === CODE.NONE ? CODE.LEADER_NOT_AVAILABLE : code
  return new ProtocolError(problem, `${METADATA.name} of ${topic}[${partition}]`, topic)
}
