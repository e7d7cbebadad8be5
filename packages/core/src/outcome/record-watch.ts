import type { LogRecord } from '../record.js'
import type { Decoder } from '../serde/serde.js'
import type { Failure } from './failure.js'

/** Watches which functions of a pipeline run, and for which records. */
export interface RecordWatch {
  /** @returns why the functions must not run for a record; `undefined` if they may */
  rejects(record: LogRecord): Failure | undefined
  /**
   * A function is about to run.
   *
   * @param step which one, as text
   */
  starting(step: string): void
  /**
   * The functions have run for a record.
   *
   * @returns why their result must not be used; `undefined` if it may
   */
  finished(record: LogRecord): Failure | undefined
}

/** @returns the function, which reports to a watch that it runs */
export function watched<A extends readonly unknown[], R>(
  run: (...args: A) => R,
  step: string,
  watch: RecordWatch,
): (...args: A) => R {
  return (...args) => {
    watch.starting(step)
    return run(...args)
  }
}

/** @returns the decoder, which reports to a watch that it runs */
export function watchedDecoder<T>(decoder: Decoder<T>, step: string, watch: RecordWatch): Decoder<T> {
  return { format: decoder.format, decode: watched((bytes: Uint8Array) => decoder.decode(bytes), step, watch) }
}
