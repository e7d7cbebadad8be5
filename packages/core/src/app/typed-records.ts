import type { Clock } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { ReadableTopic, WritableTopic } from '../pipeline/topic.js'
import { type Headers, type LogRecord, type NewRecord, NO_HEADERS, type Origin } from '../record.js'
import { decoded, encoded, encodedValue } from '../serde/serde-result.js'

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

/**
 * Encodes a record with a topic's serdes.
 *
 * @throws JoineryError `ENCODE_FAILED` with the topic
 */
export function encodeRecord<K, In>(
  topic: WritableTopic<K, In>,
  { key, value, timestamp, headers }: ProducerRecord<K, In>,
  clock: Clock,
): NewRecord {
  const { name } = topic
  let part = 'key'
  try {
    const keyBytes = key === null ? null : encoded(topic.key.encode(key))
    part = 'value'
    return {
      topic: name,
      key: keyBytes,
      value: value === null ? null : encodedValue(topic.value.encode(value)),
      timestamp: timestamp ?? clock.now(),
      headers: headers ?? NO_HEADERS,
    }
  } catch (cause) {
    throw new JoineryError('ENCODE_FAILED', `the ${part} of a record for ${name} cannot be encoded: ${why(cause)}`, {
      cause,
      topic: name,
    })
  }
}

/**
 * Decodes a record with a topic's serdes.
 *
 * @throws JoineryError `DECODE_FAILED` with topic, partition and offset, and the `problems` of a schema
 */
export function decodeRecord<K, V>(topic: ReadableTopic<K, V>, record: Omit<LogRecord, 'topic'>): ConsumerRecord<K, V> {
  const { key, value, timestamp, headers, partition, offset } = record
  let part = 'key'
  try {
    const decodedKey = key === null ? null : decoded(topic.key.decode(key))
    part = 'value'
    return {
      key: decodedKey,
      value: value === null ? null : decoded(topic.value.decode(value)),
      timestamp,
      headers,
      origin: { topic: topic.name, partition, offset },
    }
  } catch (cause) {
    const problems = isJoineryError(cause) ? cause.problems : undefined
    throw new JoineryError(
      'DECODE_FAILED',
      `the ${part} of ${topic.name}[${partition}] at offset ${offset} could not be decoded: ${why(cause)}`,
      { cause, topic: topic.name, partition, offset, ...(problems && { problems }) },
    )
  }
}

/** The message of a serde's error, without the code, which the error itself begins with. */
const why = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).replace(/^(DECODE|ENCODE)_FAILED: /, '')
