import type { TopicPartition } from '@joinery/core/log'
import type { OutgoingBatch } from '../outgoing-batch.js'
import { isFaultOfPartition } from './transaction-failure.js'
import type { TransactionPart } from './transaction-part.js'

/**
 * The partitions whose leaders did not acknowledge the last batch in time: too few replicas are in sync, for example. Their
 * parts get transactions of their own, which are not retried for long, so that the other tasks commit in between.
 */
export class FaultyPartitions {
  readonly #places = new Set<string>()

  /** Whether a part writes to one of them. */
  hasPart({ changelog, outputs }: TransactionPart): boolean {
    return this.#places.size > 0 && [changelog, ...outputs].some((each) => this.#places.has(placeOf(each)))
  }

  /**
   * Records which batches of a transaction were acknowledged.
   *
   * @param unwritten the errors of the others
   */
  record(batches: readonly OutgoingBatch[], unwritten: ReadonlyMap<OutgoingBatch, unknown>): void {
    if (unwritten.size === 0 && this.#places.size === 0) return
    for (const batch of batches)
      if (batch.closed !== undefined && !unwritten.has(batch)) this.#places.delete(placeOf(batch))
    for (const [batch, error] of unwritten) if (isFaultOfPartition(error)) this.#places.add(placeOf(batch))
  }
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`
