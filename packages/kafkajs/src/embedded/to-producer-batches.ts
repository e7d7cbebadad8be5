import type { NewRecord } from '@joinery/core'
import { checkOptionNames } from '@joinery/core/log'
import type { Message, ProducerBatch } from 'kafkajs'

/** The time that kafkajs needs to encode a batch grows with the square of the number of its records. */
const MAX_RECORDS = 1_000
const MAX_BYTES = 512 * 1024
/** An upper bound for the overhead of a record. */
const OVERHEAD = 40

type Batch = Required<Pick<ProducerBatch, 'topicMessages'>>

/**
 * Converts the outputs of a step for `sendBatch` of a kafkajs producer. Send the batches one after the other: kafkajs makes
 * one record batch of everything for a partition, and brokers reject one that is larger than the topic allows.
 *
 * The producer must use the default partitioner, which is compatible with Kafka's Java client. A header without a value
 * becomes an empty one, because kafkajs cannot send the former.
 *
 * @param options `maxBytes`: the maximum size of a batch for one topic, which must be less than `max.message.bytes` of each
 * topic; 524288 by default. A larger record gets a separate batch.
 * @returns the batches in the order to send them; an empty array if there are no outputs
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * import { toProducerBatches } from '@joinery/kafkajs'
 *
 * const output = { topic: 'notifications', key: Buffer.from('p1'), value: Buffer.from('{}'), timestamp: 0, headers: [] }
 * for (const { topicMessages } of toProducerBatches([output])) {
 *   // await producer.sendBatch({ topicMessages })
 *   console.log(topicMessages.map(({ topic, messages }) => [topic, messages.length])) // [ [ 'notifications', 1 ] ]
 * }
 * ```
 */
export function toProducerBatches(
  records: readonly NewRecord[],
  options: { readonly maxBytes?: number } = {},
): Required<Pick<ProducerBatch, 'topicMessages'>>[] {
  checkOptionNames('toProducerBatches', options, { maxBytes: true })
  const { maxBytes = MAX_BYTES } = options
  const batches: Batch[] = []
  let topics = new Map<string, { readonly messages: Message[]; bytes: number }>()
  for (const record of records) {
    const bytes = bytesOf(record)
    const filled = topics.get(record.topic)
    if (filled !== undefined && (filled.bytes + bytes > maxBytes || filled.messages.length === MAX_RECORDS)) {
      batches.push(batchOf(topics))
      topics = new Map()
    }
    const of = topics.get(record.topic) ?? { messages: [], bytes: 0 }
    topics.set(record.topic, of)
    of.messages.push(messageOf(record))
    of.bytes += bytes
  }
  if (topics.size > 0) batches.push(batchOf(topics))
  return batches
}

const batchOf = (topics: ReadonlyMap<string, { readonly messages: Message[] }>): Batch => ({
  topicMessages: Array.from(topics, ([topic, { messages }]) => ({ topic, messages })),
})

function bytesOf({ key, value, headers }: NewRecord): number {
  let bytes = OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, content] of headers) bytes += Buffer.byteLength(name) + (content?.length ?? 0) + OVERHEAD
  return bytes
}

/** kafkajs treats bytes that are not a Buffer as text. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function messageOf({ key, value, timestamp, partition, headers }: NewRecord): Message {
  const byName = new Map<string, Buffer[]>()
  for (const [name, content] of headers) {
    const values = byName.get(name) ?? []
    byName.set(name, values)
    values.push(bufferOf(content ?? new Uint8Array()))
  }
  return {
    key: key && bufferOf(key),
    value: value && bufferOf(value),
    timestamp: String(timestamp),
    headers: Object.fromEntries(byName),
    ...(partition !== undefined && { partition }),
  }
}
