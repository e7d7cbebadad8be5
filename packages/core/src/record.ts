/** Record headers: an ordered list of pairs, because Kafka allows a name more than once. */
export type Headers = readonly (readonly [name: string, value: Uint8Array | null])[]

/** The position of a record in a log. Offsets of a partition ascend, and need not be consecutive. */
export interface Origin {
  /** The topic. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** The offset, a safe integer. */
  readonly offset: number
}

/** @returns the position only: events are often written to logs, where keys and values must not appear */
export function originOf({ topic, partition, offset }: Origin): Origin {
  return { topic, partition, offset }
}

/** A record to append. */
export interface NewRecord {
  /** The topic to append to. */
  readonly topic: string
  /**
   * The partition.
   * @defaultValue the murmur2 hash of the key, as in Kafka's Java client
   */
  readonly partition?: number
  /** `null`: the record has no key. */
  readonly key: Uint8Array | null
  /** `null` is a tombstone: in a table it deletes the row. */
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** The headers, in order. */
  readonly headers: Headers
}

/** A record that a log refuses for good, for example because of its timestamp or because it lacks a key. */
export interface RefusedRecord {
  /** The topic that does not accept it. */
  readonly topic: string
  /** The partition. */
  readonly partition: number
  /** Its headers, which identify it. */
  readonly headers: Headers
  /** Why, in the words of the log. */
  readonly reason: string
}

/** A record that was read from a log. Its bytes never change, and stay valid as long as they are referenced. */
export interface LogRecord extends Origin {
  /** `null`: the record has no key. */
  readonly key: Uint8Array | null
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** The headers, in order. */
  readonly headers: Headers
}

/** The header list of a record without headers. */
export const NO_HEADERS: Headers = []
