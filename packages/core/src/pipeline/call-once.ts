import type { Duration } from '../duration.js'
import type { DeadLetter } from './dead-letter.js'
import type { OutputOptions } from './output-options.js'
import type { Pipeline } from './pipeline.js'
import type { RecordInfo } from './record-info.js'
import type { WritableTopic } from './topic.js'

/** The second argument of a function that makes a call, after the value. */
export interface Call<out K> {
  /** Identifies the call: the same for every repetition of the record, in every process. */
  readonly id: string
  /** A digest of namespace and id, 43 characters, for services that detect repeated requests by a key. */
  readonly idempotencyKey: string
  /** The number of this attempt, from 1: more than 1 if earlier ones were provably not sent. */
  readonly attempt: number
  /** When this attempt's claim was written, in milliseconds since the epoch. */
  readonly claimedAt: number
  /** The record that the call is made for. */
  readonly record: RecordInfo<K>
  /** Aborts when the call times out, and when its function has settled. Your own I/O must honour it. */
  readonly signal: AbortSignal
  /**
   * `fetch` for one request: sets `Idempotency-Key`, does not follow redirects, does not retry, opens a new connection
   * (HTTP/1.1), and resolves once the response is complete. It throws `notSent` if provably no byte of the request was
   * sent, because name resolution, connecting or TLS failed. A second use in the same call fails with `CALL_REPEATED`,
   * and nothing is sent once the function has settled.
   */
  readonly fetch: typeof fetch
}

/** Options of `callOnce`. */
export interface CallOnceOptions<in V> {
  /**
   * The topic for calls in doubt, with everything needed to resolve them, and for records whose call id belongs to
   * another payload.
   */
  readonly inDoubt: DeadLetter
  /**
   * Identifies the call of a record, so that repetitions are detected. Pure. Records with the same id must be in the same
   * partition.
   *
   * @returns the id of the call: 1 to 1024 characters
   * @defaultValue `joinery-origin` of the record, else its own topic, partition and offset
   */
  readonly id?: (value: V) => string
  /**
   * Part of the idempotency key, together with the id: use one for each kind of external call.
   * @defaultValue the application
   */
  readonly namespace?: string
  /**
   * How long a call may take; after that it is in doubt.
   * @defaultValue `'30s'`
   */
  readonly timeout?: Duration
  /**
   * For `call.fetch`: how long connecting may take.
   * @defaultValue `'5s'`
   */
  readonly connectTimeout?: Duration
  /**
   * For `call.fetch`: how long the response's headers may take, once connected.
   * @defaultValue `timeout`
   */
  readonly headersTimeout?: Duration
  /**
   * For `call.fetch`: how long the response's body may take, after its headers.
   * @defaultValue `timeout`
   */
  readonly bodyTimeout?: Duration
  /**
   * How many calls each task makes at once; for each key only one. A crash leaves at most this many in doubt.
   * @defaultValue `8`
   */
  readonly concurrency?: number
  /**
   * What happens to other calls with the same key while one is in doubt: they continue (`'park'`), or wait for the decision
   * (`'block'`).
   * @defaultValue `'park'`
   */
  readonly whenInDoubt?: 'park' | 'block'
  /**
   * `'at-least-once'` retries a call with an unknown outcome, with the same idempotency key and the same record, until there is
   * a response or `retryFor` has passed: only for a service that detects repeated requests by their key.
   * @defaultValue `'at-most-once'`
   */
  readonly mode?: 'at-most-once' | 'at-least-once'
  /**
   * With `mode: 'at-least-once'`: how long a call is retried, from the record's arrival; after that it is in doubt.
   * @defaultValue `'24h'`
   */
  readonly retryFor?: Duration
  /**
   * How long a finished call is remembered, at least 1 s. It must be longer than a repetition of its record can be delayed.
   * @defaultValue `'14d'`
   */
  readonly retention?: Duration
  /**
   * The most records of each task that wait for their calls; at this limit the stream pauses.
   *
   * @defaultValue `1000`
   */
  readonly maxReady?: number
}

/** A pipeline that ends in calls. It can run as it is; `to` also writes the results. */
export interface CallOnce<out K, out R> extends Pipeline {
  /**
   * Writes each result: key, headers and (by default) timestamp are the record's. The result and the end of its call are in one
   * transaction.
   *
   * @returns the complete pipeline, for `run` or the test driver
   */
  to(topic: WritableTopic<K, R>, options?: OutputOptions): Pipeline
}
