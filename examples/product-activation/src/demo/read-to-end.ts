import { type Log, type Message, type ReadableTopic, read } from '@joinery/core'

/** Every message of a topic, from its beginning to the end that it has now, whatever was read of it before. */
export async function readToEnd<K, V>(log: Pick<Log, 'source'>, topic: ReadableTopic<K, V>): Promise<Message<K, V>[]> {
  const messages: Message<K, V>[] = []
  for await (const message of read(log, topic, { until: 'end' })) messages.push(message)
  return messages
}
