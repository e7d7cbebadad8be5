import { type Clock, systemClock } from '../clock.js'
import { JoineryError } from '../errors.js'
import type { Batch, Log } from '../log/contract.js'
import type { ReadableTopic, WritableTopic } from '../pipeline/topic.js'
import { type Headers, NO_HEADERS, type Origin } from '../record.js'
import { Wakeup } from '../task/wakeup.js'

/** A message to send. */
export interface ProducerRecord<K, In> {
  /** `null`: the message has no key. */
  readonly key: K | null
  /** `null` is a tombstone. */
  readonly value: In | null
  /**
   * Milliseconds since the epoch.
   * @defaultValue now
   */
  readonly timestamp?: number
  /** Pairs in order; default none. */
  readonly headers?: Headers
}

/** A message as read. */
export interface ConsumerRecord<K, V> {
  /** The decoded key; `null` if there is none. */
  readonly key: K | null
  /** The decoded value; `null` is a tombstone. */
  readonly value: V | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Pairs in order. */
  readonly headers: Headers
  /** Where the record lies. */
  readonly origin: Origin
}

/**
 * Appends messages to a topic, outside of any pipeline.
 *
 * @throws JoineryError `ENCODE_FAILED`, or what the log says
 *
 * @example
 * ```ts
 * await produce(log, productActivation, { key: 'p1', value: { productId: 'p1' } })
 * ```
 */
export async function produce<K, In>(
  log: Pick<Log, 'sink'>,
  topic: WritableTopic<K, In>,
  ...messages: readonly ProducerRecord<NoInfer<K>, NoInfer<In>>[]
): Promise<void> {
  await log.sink.append(messages.map((message) => encodeRecord(topic, message, systemClock)))
}

/** Encodes a message. */
export function encodeRecord<K, In>(
  topic: WritableTopic<K, In>,
  { key, value, timestamp, headers }: ProducerRecord<K, In>,
  clock: Clock,
): Parameters<Log['sink']['append']>[0][number] {
  return {
    topic: topic.name,
    key: key === null ? null : topic.key.encode(key),
    value: value === null ? null : topic.value.encode(value),
    timestamp: timestamp ?? clock.now(),
    headers: headers ?? NO_HEADERS,
  }
}

/** Decodes a record. */
export function decodeRecord<K, V>(
  topic: ReadableTopic<K, V>,
  record: Origin & {
    readonly key: Uint8Array | null
    readonly value: Uint8Array | null
    readonly timestamp: number
    readonly headers: Headers
  },
): ConsumerRecord<K, V> {
  const { key, value, timestamp, headers, partition, offset } = record
  try {
    return {
      key: key === null ? null : topic.key.decode(key),
      value: value === null ? null : topic.value.decode(value),
      timestamp,
      headers,
      origin: { topic: topic.name, partition, offset },
    }
  } catch (cause) {
    throw new JoineryError('DECODE_FAILED', `${topic.name}[${partition}] at offset ${offset} cannot be decoded`, {
      cause,
      topic: topic.name,
      partition,
      offset,
    })
  }
}

/** Options of {@link consume}. */
export interface ConsumeOptions {
  /** @defaultValue `'earliest'` */
  readonly from?: 'earliest' | 'latest'
  /**
   * `'end'` stops behind what was acknowledged before the call, and waits for transactions that are open there;
   * `'aborted'` goes on until `signal` aborts.
   * @defaultValue `'aborted'`
   */
  readonly until?: 'end' | 'aborted'
  /** Ends the reading, without an error. */
  readonly signal?: AbortSignal
}

/**
 * Reads a topic's committed messages, all partitions, each in order.
 *
 * @throws JoineryError `DECODE_FAILED` with topic, partition and offset, or what the log says
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
  const { from = 'earliest', until = 'aborted', signal } = options
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
  const pulled: { readonly reader: Reader; readonly answer: Promise<IteratorResult<Batch, void>> }[] = []
  const arrived = new Wakeup(systemClock)
  // no race: a partition that is silent would keep in memory what all the others have ever answered
  const pull = (reader: Reader): Promise<void> => {
    const answer = reader.batches.next()
    const take = () => {
      pulled.push({ reader, answer })
      arrived.wake()
    }
    return answer.then(take, take)
  }
  const pending = new Map(readers.filter(({ isDone }) => !isDone).map((reader) => [reader, pull(reader)]))
  try {
    while (pending.size > 0) {
      const first = pulled.shift()
      if (first === undefined) {
        await arrived.wait(undefined)
        continue
      }
      const { reader, answer } = first
      pending.delete(reader)
      const result = await answer
      if (result.done) continue
      const { records, next } = result.value
      for (const record of records) if (record.offset < reader.end) yield decodeRecord(topic, record)
      if (next < reader.end) pending.set(reader, pull(reader))
    }
  } finally {
    stop.abort()
    await Promise.all([...pending.values(), ...readers.map(({ batches }) => batches.return?.())])
  }
}
