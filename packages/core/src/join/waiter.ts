import type { LogRecord } from '../record.js'

/** An event that waits for its row. */
export interface Waiter {
  readonly record: LogRecord
  /** When the event was first processed, in milliseconds of anchored time; its deadlines are relative to that. */
  readonly arrival: number
  /** Its size in the wait buffer. */
  readonly bytes: number
  /** The index of the join at which it waits. */
  join: number
  /** Whether it has left the wait buffer. */
  hasLeft: boolean
  /** The next event with the same key in the wait buffer. */
  next: Waiter | undefined
}
