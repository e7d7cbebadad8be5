import type { NewRecord } from '@joinery/core'
import type { OutputTopicInfo } from '@joinery/core/log'
import type { OutputTopics } from './output-topics.js'
import type { Producer } from './producer.js'
import type { OutgoingBatch, RecordAccumulator } from './record-accumulator.js'
import type { TransactionCoordinator } from './transaction-coordinator.js'

/** The arguments of {@link writeBatches}. */
export interface Write {
  readonly producer: Producer
  /** The coordinator of the transaction that the write belongs to; none outside of transactions. */
  readonly coordinator?: TransactionCoordinator
  readonly topics: OutputTopics
  /** Batches that are filled already. They are sent before the records. */
  readonly accumulator: RecordAccumulator
  readonly records: readonly NewRecord[]
}

/**
 * Writes records, within a transaction or without.
 *
 * @returns the batches, with their offsets
 */
export async function writeBatches(write: Write): Promise<readonly OutgoingBatch[]> {
  const { producer, coordinator, topics, accumulator, records } = write
  await topics.lookUp(new Set(records.map(({ topic }) => topic)))
  for (const record of records) accumulator.add(record, topics.get(record.topic) as OutputTopicInfo)
  const { batches } = accumulator
  if (coordinator !== undefined) {
    const added = new Map<string, Set<number>>()
    for (const { topic, partition } of batches) added.set(topic, (added.get(topic) ?? new Set()).add(partition))
    await coordinator.addPartitions(producer.producerIdAndEpoch, added)
  }
  await producer.send(batches)
  return batches
}
