import type { NewRecord } from '../../record.js'

/** Layer 2: appending records outside of tasks. */
export interface LogSink {
  /** Appends records. When it resolves, they are durable, and in order within each partition. */
  append(records: readonly NewRecord[]): Promise<void>
}
