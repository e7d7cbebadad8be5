import { JoineryError, type LogRecord } from '@joinery/core'
import type { Batch, IHeaders, KafkaMessage } from 'kafkajs'

/**
 * A batch of kafkajs' `eachBatch` as `process` of an operator takes it: the records, and how far the batch reaches, which may be
 * beyond its last record.
 *
 * Headers of one name keep their order; kafkajs does not tell the order of different ones.
 *
 * @throws JoineryError `OFFSET_OUT_OF_RANGE` for offsets beyond 2^53 - 1
 *
 * @example
 * ```ts
 * import { fromBatch } from '@joinery/kafkajs'
 *
 * await using operator = await openOperator(notify, { application: 'service-a', partition: 0 })
 * const message = { key: Buffer.from('p1'), value: Buffer.from('{"externalId":"x1"}'), offset: '7', timestamp: '0', attributes: 0, headers: {} }
 * const batch = { topic: 'product-information', partition: 0, messages: [message], lastOffset: () => '8' }
 * const step = await operator.process(...fromBatch(batch))
 * await step.commit()
 * console.log(operator.positions) // { 'product-information': 9 }
 * ```
 */
export function fromBatch(
  batch: Pick<Batch, 'topic' | 'partition' | 'messages' | 'lastOffset'>,
): [records: LogRecord[], passed: Record<string, number>] {
  const { topic, partition, messages } = batch
  const offsetOf = (text: string): number => {
    const offset = Number(text)
    if (Number.isSafeInteger(offset)) return offset
    throw new JoineryError('OFFSET_OUT_OF_RANGE', `${topic}[${partition}]: offset ${text} is beyond 2^53 - 1`, {
      topic,
      partition,
    })
  }
  const records = messages.map(({ offset, key, value, timestamp, headers }: KafkaMessage) => {
    const pairs = Object.entries(headers ?? {}).flatMap(headersOf)
    return { topic, partition, offset: offsetOf(offset), key, value, timestamp: Number(timestamp), headers: pairs }
  })
  return [records, { [topic]: offsetOf(batch.lastOffset()) + 1 }]
}

/**
 * What kafkajs has for one name: what Kafka allows, which its types do not say, is `null`. For names that every object has, such as
 * `constructor`, it puts that before what was in the record.
 */
function headersOf([name, value]: [string, IHeaders[string] | null]): [name: string, value: Buffer | null][] {
  return [value].flat().flatMap((each) => {
    if (each === null || Buffer.isBuffer(each)) return [[name, each]]
    return typeof each === 'string' ? [[name, Buffer.from(each)]] : []
  })
}
