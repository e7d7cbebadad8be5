import { systemClock } from '../clock.js'
import type { Log } from '../log/contract.js'
import type { WritableTopic } from '../pipeline/topic.js'
import { encodeRecord, type ProducerRecord } from './typed-records.js'

/**
 * Appends records to a topic, outside any pipeline.
 *
 * @throws JoineryError `ENCODE_FAILED`, or the error of the log
 *
 * @example
 * ```ts
 * await produce(log, productActivation, { key: 'p1', value: { productId: 'p1' } })
 * ```
 */
export async function produce<K, In>(
  log: Pick<Log, 'sink'>,
  topic: WritableTopic<K, In>,
  ...records: readonly ProducerRecord<NoInfer<K>, NoInfer<In>>[]
): Promise<void> {
  await log.sink.append(records.map((record) => encodeRecord(topic, record, systemClock)))
}
