import { type ConsumerRecord, consume, type Log, type ReadableTopic } from '@joinery/core'

/** Every message of a topic, from its beginning to the end that it has now, whatever was read of it before. */
export async function readToEnd<K, V>(
  log: Pick<Log, 'source'>,
  topic: ReadableTopic<K, V>,
): Promise<ConsumerRecord<K, V>[]> {
  const messages: ConsumerRecord<K, V>[] = []
  for await (const message of consume(log, topic, { until: 'end' })) messages.push(message)
  return messages
}
