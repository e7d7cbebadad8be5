import type { Synchronous } from '../serde/serde.js'
import type { Call, CallOnce, CallOnceOptions } from './call-once.js'
import type { ErrorHandling } from './dead-letter.js'
import type { OutputOptions } from './output-options.js'
import type { Pipeline } from './pipeline.js'
import type { ReadOnly } from './read-only.js'
import type { RecordInfo } from './record-info.js'
import { StreamBuilder } from './stream-builder.js'
import type { History, Table } from './table.js'
import type { ReadableTopic, WritableTopic } from './topic.js'
import type { InnerWait, LeftWait } from './wait.js'

/** Options of a join. `W`: the type of its wait. */
export interface JoinOptions<W> {
  /**
   * Names the join in metrics and in the committed state.
   * @defaultValue the table's topic
   */
  readonly name?: string
  /** Lets events wait for a missing row. Without it they are dropped (inner) or joined with `undefined` (left). */
  readonly wait?: W
}

/**
 * A chain that can be joined with a table, or written to a topic. User functions are pure and synchronous: they may run again
 * for the same record. `N`: the type of the key in these functions, with `null` until an inner join drops such records.
 */
export interface Joinable<out K, out V, out N = K> {
  /**
   * Joins each event with the row that has its key. Without a row, the event is dropped with reason `no-row`, or waits
   * (`options.wait`).
   *
   * @returns a new chain, with the values that `joiner` returns
   */
  join<T, H extends History, R extends {}>(
    table: Table<K, T, H>,
    joiner: (value: ReadOnly<V>, row: ReadOnly<T>, record: RecordInfo<K>) => R,
    options?: JoinOptions<InnerWait<V, T>>,
  ): Joined<K, R>
  /**
   * Joins each event with the row that has its key, or with `undefined` if there is none (after waiting, with `options.wait`).
   *
   * @returns a new chain, with the values that `joiner` returns
   */
  leftJoin<T, H extends History, R extends {}>(
    table: Table<K, T, H>,
    joiner: (value: ReadOnly<V>, row: ReadOnly<T> | undefined, record: RecordInfo<N>) => R,
    options?: JoinOptions<LeftWait<V, T>>,
  ): Joined<K, R, N>
  /**
   * Writes the results: key, headers and (by default) timestamp are the event's, and `joinery-origin` names the event.
   *
   * @returns the complete pipeline, for `run` or the test driver
   */
  to(topic: WritableTopic<K, V>, options?: OutputOptions): Pipeline
}

/** A chain with at least one join. */
export interface Joined<out K, out V, out N = K> extends Joinable<K, V, N> {
  /** Distinguishes a joined chain from a stream. */
  readonly kind: 'joined'
  /**
   * Keeps the values that pass; the others are dropped with reason `filtered`.
   *
   * @returns a new chain, whose values have the type that `test` guards
   */
  filter<S extends V>(test: (value: ReadOnly<V>, record: RecordInfo<N>) => value is S): Joined<K, S, N>
  /**
   * Keeps the values that pass; the others are dropped with reason `filtered`.
   *
   * @returns a new chain, with values of the same type
   */
  filter(test: (value: ReadOnly<V>, record: RecordInfo<N>) => boolean): Joined<K, V, N>
  /**
   * Replaces the value.
   *
   * @returns a new chain, with the values that `map` returns
   */
  mapValues<R extends {}>(map: (value: ReadOnly<V>, record: RecordInfo<N>) => R): Joined<K, R, N>
}

/** A stream of events, before any join. */
export interface Stream<out K, out V> extends Joinable<K, V, K | null> {
  /** Distinguishes a stream from a joined chain. */
  readonly kind: 'stream'
  /**
   * Keeps the values that pass; the others are dropped with reason `filtered`.
   *
   * @returns a new chain, whose values have the type that `test` guards
   */
  filter<S extends V>(test: (value: ReadOnly<V>, record: RecordInfo<K | null>) => value is S): Stream<K, S>
  /**
   * Keeps the values that pass; the others are dropped with reason `filtered`.
   *
   * @returns a new chain, with values of the same type
   */
  filter(test: (value: ReadOnly<V>, record: RecordInfo<K | null>) => boolean): Stream<K, V>
  /**
   * Replaces the value.
   *
   * @returns a new chain, with the values that `map` returns
   */
  mapValues<R extends {}>(map: (value: ReadOnly<V>, record: RecordInfo<K | null>) => R): Stream<K, R>
  /**
   * Makes a call for each event: at most one request for each call id within `retention`, even across crashes, and exactly
   * one unless a fault occurs during the call. Such a call is reported as in doubt: it is neither retried nor dropped.
   *
   * @param call makes one request and resolves with the result. Any error other than `notSent` leaves the call in doubt
   * @returns a complete pipeline, to which `to` can add a topic for the results
   *
   * @example
   * ```ts
   * const activated = topic('activated', { key: text(), value: json<{ status: number }>() })
   * const activate = stream(notifications)
   *   .callOnce(
   *     async ({ externalId }, call) => {
   *       const { status } = await call.fetch(`https://service.example/products/${externalId}`, { method: 'POST' })
   *       return { status }
   *     },
   *     { inDoubt: { deadLetter: 'service-b.in-doubt' }, timeout: '10s' },
   *   )
   *   .to(activated)
   * ```
   */
  callOnce<R>(call: (value: V, call: Call<K | null>) => Promise<R>, options: CallOnceOptions<V>): CallOnce<K, R>
}

/** Options of {@link stream}. */
export interface StreamOptions extends ErrorHandling {
  /**
   * The pipeline's name in metrics and in the committed state.
   * @defaultValue the stream's topic
   */
  readonly name?: string
}

/**
 * Begins a pipeline: each record of the topic is an event with exactly one outcome.
 *
 * @returns the beginning of a chain, which `to` or `callOnce` completes
 * @example
 * ```ts
 * const activations = topic('product-activation', { key: text(), value: json<{ productId: string }>() })
 * const information = table(topic('product-information', { key: text(), value: json<{ externalId: string }>() }))
 * const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })
 *
 * const notify = stream(activations)
 *   .join(information, ({ productId }, { externalId }) => ({ productId, externalId }), {
 *     wait: { atMost: '30m', otherwise: { deadLetter: 'product-activation.dead' } },
 *   })
 *   .to(notifications)
 * ```
 */
export function stream<K, V>(
  topic: ReadableTopic<K, V> & Synchronous<K | V>,
  options: StreamOptions = {},
): Stream<K, V> {
  return new StreamBuilder({ name: options.name ?? topic.name, stream: topic, options }) as unknown as Stream<K, V>
}
