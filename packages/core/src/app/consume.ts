import { systemClock } from '../clock.js'
import { isJoineryError, type JoineryError } from '../errors.js'
import type { Batch, Log } from '../log/contract.js'
import type { ReadableTopic } from '../pipeline/topic.js'
import type { LogRecord } from '../record.js'
import { Wakeup } from '../task/wakeup.js'
import { checkOptionNames } from '../unknown-options.js'
import { type ConsumerRecord, decodeRecord } from './typed-records.js'

/** Options of {@link consume}. */
export interface ConsumeOptions {
  /** @defaultValue `'earliest'` */
  readonly from?: 'earliest' | 'latest'
  /**
   * `'end'` stops after everything that was acknowledged before the call, and waits for the transactions that are open
   * there; `'aborted'` continues until `signal` aborts.
   *
   * @defaultValue `'aborted'`
   */
  readonly until?: 'end' | 'aborted'
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal
  /**
   * Called for a record that cannot be decoded, which is then skipped.
   * @defaultValue the iteration ends with the error
   */
  readonly onDecodeError?: (error: JoineryError) => void
}

const CONSUME_OPTIONS: Readonly<Record<keyof ConsumeOptions, true>> = {
  from: true,
  until: true,
  signal: true,
  onDecodeError: true,
}

/**
 * Reads the committed records of all partitions of a topic, each partition in order.
 *
 * @returns the decoded records; with the default options, the iteration never ends by itself
 * @throws JoineryError `DECODE_FAILED` with topic, partition, offset and the `problems` of a schema, unless
 * `onDecodeError` is given; `OPTION_INVALID`; or the error of the log
 *
 * @example
 * ```ts
 * await produce(log, productActivation, { key: 'p1', value: { productId: 'p1' } })
 * for await (const { key, value, origin } of consume(log, productActivation)) {
 *   console.log(key, value, origin.offset) // p1 { productId: 'p1' } 0
 *   break
 * }
 * ```
 */
export async function* consume<K, V>(
  log: Pick<Log, 'source'>,
  topic: ReadableTopic<K, V>,
  options: ConsumeOptions = {},
): AsyncGenerator<ConsumerRecord<K, V>, void, void> {
  checkOptionNames('consume', options, CONSUME_OPTIONS)
  const { from = 'earliest', until = 'aborted', signal, onDecodeError } = options
  const stop = new AbortController()
  const all = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const [info] = await log.source.describe([topic.name])
  const readers = await Promise.all(
    Array.from({ length: info?.partitions ?? 0 }, async (_, partition) => {
      const at = { topic: topic.name, partition }
      const end = until === 'end' ? await log.source.endOffset(at, 'high-watermark') : Number.POSITIVE_INFINITY
      const offset =
        from === 'earliest' ? await log.source.earliestOffset(at) : await log.source.endOffset(at, 'last-stable-offset')
      const batches = log.source.read({ ...at, offset }, all)[Symbol.asyncIterator]()
      return { batches, end, isDone: offset >= end }
    }),
  )
  type Reader = (typeof readers)[number]
  const pulled: { readonly reader: Reader; readonly result: Promise<IteratorResult<Batch, void>> }[] = []
  const arrived = new Wakeup(systemClock)
  // no Promise.race: a silent partition's promise would keep every result of the others in memory
  const pull = (reader: Reader): Promise<void> => {
    const result = reader.batches.next()
    const take = () => {
      pulled.push({ reader, result })
      arrived.wake()
    }
    return result.then(take, take)
  }
  const pending = new Map(readers.filter(({ isDone }) => !isDone).map((reader) => [reader, pull(reader)]))
  try {
    while (pending.size > 0) {
      const first = pulled.shift()
      if (first === undefined) {
        await arrived.wait(undefined)
        continue
      }
      const { reader } = first
      pending.delete(reader)
      const result = await first.result
      if (result.done) continue
      const { records, next } = result.value
      for (const record of records) {
        if (record.offset >= reader.end) break
        const decoded = decodeOrSkip(topic, record, onDecodeError)
        if (decoded !== undefined) yield decoded
      }
      if (next < reader.end) pending.set(reader, pull(reader))
    }
  } finally {
    stop.abort()
    await Promise.all([...pending.values(), ...readers.map(({ batches }) => batches.return?.())])
  }
}

function decodeOrSkip<K, V>(
  topic: ReadableTopic<K, V>,
  record: LogRecord,
  onDecodeError: ((error: JoineryError) => void) | undefined,
): ConsumerRecord<K, V> | undefined {
  try {
    return decodeRecord(topic, record)
  } catch (error) {
    if (onDecodeError === undefined || !isJoineryError(error)) throw error
    onDecodeError(error)
    return undefined
  }
}
