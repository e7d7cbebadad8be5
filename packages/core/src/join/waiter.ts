import type { LogRecord } from '../record.js'

/** An event that waits for its row. */
export interface Waiter {
  readonly record: LogRecord
  /** When the event was first processed, in milliseconds; every deadline counts from here. */
  readonly arrival: number
  /** What it takes of the waiting room's bytes. */
  readonly bytes: number
  /** The join that its chain is held at. */
  join: number
  /** Whether it has left the room. */
  hasLeft: boolean
  /** The next event of its key, for the room. */
  next: Waiter | undefined
}
