/** Record headers: pairs in order, because Kafka allows a name more than once. */
export type Headers = readonly (readonly [name: string, value: Uint8Array | null])[]

/** Where a record lies in a log. Offsets are safe integers; positions are ordered, not dense. */
export interface Origin {
  /** The topic. */
  readonly topic: string
  /** The partition, from 0. */
  readonly partition: number
  /** The offset, a safe integer. */
  readonly offset: number
}

/** Where a record lies, and nothing of what it holds: what is told of records goes to logs. */
export function originOf({ topic, partition, offset }: Origin): Origin {
  return { topic, partition, offset }
}

/** A record to append. Without `partition`, the log takes murmur2 of the key, as Kafka's Java client does. */
export interface NewRecord {
  /** Where to append it. */
  readonly topic: string
  /** An explicit partition; default murmur2 of the key. */
  readonly partition?: number
  /** `null`: the record has no key. */
  readonly key: Uint8Array | null
  /** `null` is a tombstone: in a table it deletes the row. */
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Pairs in order. */
  readonly headers: Headers
}

/** A record as read from a log. Its bytes are not changed by anybody, and stay valid as long as they are referenced. */
export interface LogRecord extends Origin {
  /** `null`: the record has no key. */
  readonly key: Uint8Array | null
  /** `null`: a tombstone. */
  readonly value: Uint8Array | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Pairs in order. */
  readonly headers: Headers
}

/** The header list of a record that has none. */
export const NO_HEADERS: Headers = []
