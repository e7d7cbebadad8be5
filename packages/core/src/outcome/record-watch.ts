import type { LogRecord } from '../record.js'
import type { Failure } from './failure.js'

/** Watches which records the functions of a pipeline run for. */
export interface RecordWatch {
  /** @returns why the functions must not run for a record; `undefined` if they may */
  rejects(record: LogRecord): Failure | undefined
  /**
   * The functions have run for a record.
   *
   * @returns why their result must not be used; `undefined` if it may
   */
  ran(record: LogRecord): Failure | undefined
}
