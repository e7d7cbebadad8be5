import type { Duration, Size } from '../duration.js'
import type { DeadLetter } from './dead-letter.js'
import type { ReadOnly } from './read-only.js'

/** Keeps an event whose row is missing until the row arrives, for a bounded time. After that, a left join runs with `undefined`. */
export interface LeftWait<in V, in T> {
  /**
   * How long, from the moment at which the event was first processed; a restart does not extend it. An event that queues
   * behind another with its key waits at least as long as that one does.
   */
  readonly atMost: Duration
  /**
   * Checks a row before it is joined. Pure; it may run more than once for an event.
   *
   * @returns whether the row is accepted; an event waits for one that is not, as if it were missing
   */
  readonly ready?: (row: ReadOnly<T>, value: ReadOnly<V>) => boolean
  /**
   * How many events wait at once in each task.
   * @defaultValue `100_000`
   */
  readonly maxRecords?: number
  /**
   * How many bytes of events wait at once in each task. An empty buffer accepts one event of any size that fits
   * into the changelog.
   * @defaultValue `'64MiB'`
   */
  readonly maxBytes?: Size
  /**
   * At a bound: pauses the stream (the table continues), or dead-letters the event with reason `wait-buffer-full`.
   * @defaultValue `'pause'`
   */
  readonly whenFull?: 'pause' | DeadLetter
}

/** A wait in an inner join, which has to specify the outcome of an event whose row never arrives. */
export interface InnerWait<in V, in T> extends LeftWait<V, T> {
  /** Drops and counts the event, or dead-letters it. */
  readonly otherwise: 'drop' | DeadLetter
}
