import type { Duration, Size } from '../duration.js'
import type { DeadLetter } from './dead-letter.js'

/** An event whose row is missing is kept until the row arrives, for a bounded time. In a left join the joiner then runs with `undefined`. */
export interface LeftWait<in V, in T> {
  /** How long, from the moment the event was first processed; kept over restarts. */
  readonly atMost: Duration
  /** A row that exists but is not ready is treated as missing. Pure; it may run more than once for an event. */
  readonly ready?: (row: T, value: V) => boolean
  /**
   * How many events wait at once in each task.
   * @defaultValue `100_000`
   */
  readonly maxRecords?: number
  /**
   * How many bytes of events wait at once in each task. One event is always admitted to an empty room.
   * @defaultValue `'64MiB'`
   */
  readonly maxBytes?: Size
  /**
   * At the bound: pause the stream (the table goes on), or dead-letter the event with reason `wait-buffer-full`.
   * @defaultValue `'pause'`
   */
  readonly whenFull?: 'pause' | DeadLetter
}

/** A wait in an inner join: what happens to an event whose row never came has to be said. */
export interface InnerWait<in V, in T> extends LeftWait<V, T> {
  /** Drop and count it, or dead-letter it. */
  readonly otherwise: 'drop' | DeadLetter
}
