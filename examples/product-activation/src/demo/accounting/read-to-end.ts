import { type ConsumerRecord, consume, type Log, type ReadableTopic } from '@joinery/core'

/** Reads every record of a topic, from its beginning to its current end. */
export async function readToEnd<K, V>(
  log: Pick<Log, 'source'>,
  topic: ReadableTopic<K, V>,
): Promise<ConsumerRecord<K, V>[]> {
  const records: ConsumerRecord<K, V>[] = []
  for await (const record of consume(log, topic, { until: 'end' })) records.push(record)
  return records
}
