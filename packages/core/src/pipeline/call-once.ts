import type { Duration } from '../duration.js'
import type { DeadLetter } from './dead-letter.js'
import type { Pipeline } from './pipeline.js'
import type { RecordInfo } from './record-info.js'
import type { WritableTopic } from './topic.js'

/** What a function that makes a call is given beside the value. */
export interface Call<out K> {
  /** Names the call: the same for every repetition of the record, in every process. */
  readonly id: string
  /** A digest of namespace and id, 43 characters: for services that know repetitions by a key. */
  readonly idempotencyKey: string
  /** Which claim of this call it is, from 1: more than 1 if earlier ones were provably not sent. */
  readonly attempt: number
  /** When this claim was written, in milliseconds since the epoch. */
  readonly claimedAt: number
  /** The record that asks for the call. */
  readonly record: RecordInfo<K>
  /** Aborts when the call's time is over, and when its function has settled. I/O of your own has to obey it. */
  readonly signal: AbortSignal
  /**
   * `fetch` for one request: sets `Idempotency-Key`, follows no redirect, repeats nothing, uses a connection of its own
   * (HTTP/1.1), and answers once the response is complete. It throws `notSent` where provably no byte of the request has
   * left: name resolution, connecting and TLS failed. A second use in the same call is refused, and once the function has
   * settled nothing is sent any more.
   */
  readonly fetch: typeof fetch
}

/** Options of `callOnce`. */
export interface CallOnceOptions<in V> {
  /** Where calls in doubt are told, with everything that is needed to decide; also records whose id another payload has. */
  readonly inDoubt: DeadLetter
  /**
   * Names the call of a record, so that repetitions of it are known as such. Pure. Records with the same id have to come
   * in the same partition.
   * @defaultValue `joinery-origin` of the record, else its own coordinates
   */
  readonly id?: (value: V) => string
  /**
   * With the id, what the idempotency key is made of: one for each kind of call in the real world.
   * @defaultValue the application
   */
  readonly namespace?: string
  /**
   * How long a call may take; then it is in doubt.
   * @defaultValue `'30s'`
   */
  readonly timeout?: Duration
  /**
   * Of `call.fetch`: until the connection stands.
   * @defaultValue `'5s'`
   */
  readonly connectTimeout?: Duration
  /**
   * Of `call.fetch`: until the response's headers are there, from the connection on.
   * @defaultValue `timeout`
   */
  readonly headersTimeout?: Duration
  /**
   * Of `call.fetch`: until the response's body is complete, from its headers on.
   * @defaultValue `timeout`
   */
  readonly bodyTimeout?: Duration
  /**
   * Open calls of each task at once; of each key there is only one. A crash leaves at most so many in doubt.
   * @defaultValue `8`
   */
  readonly concurrency?: number
  /**
   * What happens to the other calls of a key of which one is in doubt: they go on (`'park'`), or wait until it is decided.
   * @defaultValue `'park'`
   */
  readonly whenInDoubt?: 'park' | 'block'
  /**
   * `'at-least-once'` repeats a call of which nothing is known, with the same key and the same record, until there is a
   * response or `retryFor` is over: only for a service that knows repetitions by their key.
   * @defaultValue `'at-most-once'`
   */
  readonly mode?: 'at-most-once' | 'at-least-once'
  /**
   * With `mode: 'at-least-once'`: how long a call is repeated, from the record's arrival; then it is in doubt.
   * @defaultValue `'24h'`
   */
  readonly retryFor?: Duration
  /**
   * How long a finished call is remembered, at least 1 s. Longer than any repetition of its record may be under way.
   * @defaultValue `'14d'`
   */
  readonly retention?: Duration
  /**
   * Records of each task that wait for their call; then the stream pauses.
   * @defaultValue `1000`
   */
  readonly maxReady?: number
}

/** A pipeline that ends in calls. It runs as it is; with `to`, their results are written. */
export interface CallOnce<out K, out R> extends Pipeline {
  /** Writes each result: key, timestamp and headers are the record's. The result and the end of its call are one transaction. */
  to(topic: WritableTopic<K, R>): Pipeline
}
