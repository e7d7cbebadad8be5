import { JoineryError } from '../errors.js'
import type { Decoder, Encoder, Serde, Synchronous } from '../serde/serde.js'

/** A topic that can be read. */
export interface ReadableTopic<out K, out V> {
  /** Distinguishes a topic from a stream or a table. */
  readonly kind: 'topic'
  /** The name in the log. */
  readonly name: string
  /** Reads keys. */
  readonly key: Decoder<K>
  /** Reads values; never called for a tombstone. */
  readonly value: Decoder<V>
}

/** A topic that can be written to. */
export interface WritableTopic<in K, in V> {
  /** Distinguishes a topic from a stream or a table. */
  readonly kind: 'topic'
  /** The name in the log. */
  readonly name: string
  /** Writes keys. */
  readonly key: Encoder<K>
  /** Writes values; never called for a tombstone. */
  readonly value: Encoder<V>
}

/** A topic's name with the serdes of its keys and values. It connects to nothing. */
export interface Topic<in out K, out V, in In = V> extends ReadableTopic<K, V>, WritableTopic<K, In> {
  /** Reads and writes keys. */
  readonly key: Serde<K>
  /** Reads and writes values. */
  readonly value: Serde<V, In>
  /**
   * Defines another topic with the same serdes, for example to read dead letters back.
   *
   * @returns the topic with that name; this one does not change
   * @throws JoineryError `OPTION_INVALID` for a name that Kafka does not allow
   */
  named(name: string): Topic<K, V, In>
}

/** @returns whether Kafka allows a topic of this name */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

/**
 * Defines a topic.
 *
 * @returns the name with the serdes; nothing is created in a log
 * @throws JoineryError `OPTION_INVALID` for a name that Kafka does not allow
 *
 * @example
 * ```ts
 * const notifications = topic('notifications', { key: text(), value: json<{ productId: string }>() })
 * ```
 */
export function topic<K, V, In>(
  name: string,
  serdes: { readonly key: Serde<K> & Synchronous<K>; readonly value: Serde<V, In> & Synchronous<V> },
): Topic<K, V, In> {
  if (!isTopicName(name)) {
    throw new JoineryError(
      'OPTION_INVALID',
      `topic name ${JSON.stringify(name)}: use 1 to 249 letters, digits, '.', '_' or '-'`,
    )
  }
  const { key, value } = serdes
  return { kind: 'topic', name, key, value, named: (other) => topic(other, serdes) }
}
