import type { Log, Message, ReadableTopic } from '@joinery/core'

/** Every message of a topic, from its beginning to the end that it has now, whatever was read of it before. */
export async function readToEnd<K, V>(
  { source }: Pick<Log, 'source'>,
  topic: ReadableTopic<K, V>,
): Promise<Message<K, V>[]> {
  const messages: Message<K, V>[] = []
  const [info] = await source.describe([topic.name])
  for (let partition = 0; partition < (info?.partitions ?? 0); partition++) {
    const at = { topic: topic.name, partition }
    const [offset, end] = await Promise.all([source.earliest(at), source.end(at, 'written')])
    if (offset >= end) continue
    const stop = new AbortController()
    for await (const batch of source.read({ ...at, offset }, stop.signal)) {
      for (const { key, value, timestamp, headers, offset } of batch.records)
        messages.push({
          key: key === null ? null : topic.key.decode(key),
          value: value === null ? null : topic.value.decode(value),
          timestamp,
          headers,
          origin: { ...at, offset },
        })
      if (batch.next >= end) break
    }
    stop.abort()
  }
  return messages
}
