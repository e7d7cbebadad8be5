import { JoineryError, type LogRecord } from '@joinery/core'
import type { Batch, IHeaders, KafkaMessage } from 'kafkajs'

/**
 * Converts a batch from kafkajs' `eachBatch` into the arguments of an operator's `process`.
 *
 * Headers with the same name keep their order; kafkajs does not keep the order of different names.
 *
 * @returns the records, and the position after the batch, which may be beyond its last record
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
 * The headers of one name. Contrary to its types, kafkajs has `null` for a header without a value; for a name that every
 * object has, such as `constructor`, it puts the object's property before the values of the record.
 */
function headersOf([name, value]: [string, IHeaders[string] | null]): [name: string, value: Buffer | null][] {
  return [value].flat().flatMap((each) => {
    if (each === null || Buffer.isBuffer(each)) return [[name, each]]
    return typeof each === 'string' ? [[name, Buffer.from(each)]] : []
  })
}
