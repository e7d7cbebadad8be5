import type { Clock } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { ReadableTopic, WritableTopic } from '../pipeline/topic.js'
import { type Headers, type LogRecord, type NewRecord, NO_HEADERS, type Origin } from '../record.js'

/** A record to append. */
export interface ProducerRecord<K, In> {
  /** `null`: the record has no key. */
  readonly key: K | null
  /** `null` is a tombstone. */
  readonly value: In | null
  /**
   * Milliseconds since the epoch.
   * @defaultValue now
   */
  readonly timestamp?: number
  /**
   * Pairs in order.
   * @defaultValue none
   */
  readonly headers?: Headers
}

/** A decoded record. */
export interface ConsumerRecord<K, V> {
  /** The decoded key; `null` if there is none. */
  readonly key: K | null
  /** The decoded value; `null` is a tombstone. */
  readonly value: V | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Pairs in order. */
  readonly headers: Headers
  /** Topic, partition and offset of the record. */
  readonly origin: Origin
}

/** Encodes a record with a topic's serdes. */
export function encodeRecord<K, In>(
  topic: WritableTopic<K, In>,
  { key, value, timestamp, headers }: ProducerRecord<K, In>,
  clock: Clock,
): NewRecord {
  return {
    topic: topic.name,
    key: key === null ? null : topic.key.encode(key),
    value: value === null ? null : topic.value.encode(value),
    timestamp: timestamp ?? clock.now(),
    headers: headers ?? NO_HEADERS,
  }
}

/**
 * Decodes a record with a topic's serdes.
 *
 * @throws JoineryError `DECODE_FAILED` with topic, partition and offset, and the `problems` of a schema
 */
export function decodeRecord<K, V>(topic: ReadableTopic<K, V>, record: Omit<LogRecord, 'topic'>): ConsumerRecord<K, V> {
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
    const problems = isJoineryError(cause) ? cause.problems : undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new JoineryError(
      'DECODE_FAILED',
      `${topic.name}[${partition}] at offset ${offset} could not be decoded: ${why.replace(/^DECODE_FAILED: /, '')}`,
      { cause, topic: topic.name, partition, offset, ...(problems && { problems }) },
    )
  }
}
