import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { lastingError } from '../fatal-error.js'
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

/** The parts that wait for the next transaction. */
export class PartQueue {
  readonly #cluster: KafkaCluster
  readonly #timeoutMs: number
  #parts: QueuedPart[] = []

  /** @param timeoutMs how long a part waits while one of its partitions has no leader, in milliseconds */
  constructor(cluster: KafkaCluster, timeoutMs: number) {
    this.#cluster = cluster
    this.#timeoutMs = timeoutMs
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0
  }

  /** Adds a part. Resolves with its outcome. */
  add(part: TransactionPart): Promise<PartResult> {
    return new Promise((resolve) => {
      this.#parts.push({ part, resolve, queuedAt: this.#cluster.clock.monotonic(), attempts: 0 })
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
   * tasks that do not need it. A later session of the same process fences a part.
   *
   * @param maxBytes the largest size of a transaction, unless its first part is larger
   */
  async take(maxBytes: number): Promise<readonly QueuedPart[]> {
    const taken: QueuedPart[] = []
    const left: QueuedPart[] = []
    let bytes = 0
    for (const queued of this.clear()) {
      const { part, queuedAt, resolve } = queued
      const error = await this.#leaderError(part)
      const isTooLong = error !== undefined && this.#cluster.clock.monotonic() - queuedAt > this.#timeoutMs
      const fits = taken.length === 0 || bytes + part.bytes <= maxBytes
      if (part.isSuperseded()) resolve({ outcome: 'fenced', cause: undefined })
      else if (isTooLong) resolve({ outcome: 'rejected', cause: lastingError(error) })
      else if (error === undefined && fits) {
        bytes += part.bytes
        taken.push(queued)
      } else left.push(queued)
    }
    this.putBack(left)
    return taken
  }

  /** @returns the error of the first partition without a leader */
  async #leaderError({ changelog, outputs }: TransactionPart): Promise<unknown> {
    try {
      for (const { topic, partition } of [changelog, ...outputs])
        if (this.#cluster.knownLeaderOf(topic, partition) === undefined) await this.#cluster.leaderOf(topic, partition)
      return undefined
    } catch (error) {
      return error
    }
  }
}
