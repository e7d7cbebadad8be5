import type { NewRecord } from '../../record.js'

/** Layer 2: appending records outside of tasks. */
export interface LogSink {
  /**
   * Appends records. When it resolves, they are durable, and in order within each partition.
   *
   * @throws JoineryError `RECORD_REFUSED` ({@link recordsRefused}) if it refuses some of them for good; others may be in the log
   */
  append(records: readonly NewRecord[]): Promise<void>
}
