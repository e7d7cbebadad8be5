import { type Clock, systemClock } from '../clock.js'
import { type Duration, durationMs } from '../duration.js'
import { BlockedRecords, type BlockingRecords } from '../task/blocked/blocked-records.js'
import { checkOptionNames } from '../unknown-options.js'

/** Options of {@link functionWatch}. */
export interface FunctionWatchOptions {
  /**
   * The session timeout of your consumer: how long its group waits for a member that sends no heartbeat.
   *
   * @defaultValue `'30s'`, as in kafkajs
   */
  readonly sessionTimeout?: Duration
  /** Called for functions that have run for a second or longer without a pause. A step fails with the error that it throws. */
  readonly onBlocked?: (records: BlockingRecords) => void
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}

/** Remembers the records for which functions have blocked the event loop of this process. */
export interface FunctionWatch {
  /** The latest block of the last five minutes, as text. */
  readonly problem: string | undefined
}

const FUNCTION_WATCH_OPTIONS: Readonly<Record<keyof FunctionWatchOptions, true>> = {
  sessionTimeout: true,
  onBlocked: true,
  clock: true,
}

/**
 * Creates the watch of the functions that run in this process. Pass one to all operators of the process: they come and go with the
 * partitions, and a record whose functions block for longer than the session timeout moves its partition to another process. A record
 * that has done so twice in this process fails (`FUNCTION_BLOCKED`).
 *
 * @returns the watch, for the option `watch` of {@link openOperator}
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const watch = functionWatch({ sessionTimeout: '30s', onBlocked: ({ reason }) => console.warn(reason) })
 * await using operator = await openOperator(notify, { application: 'service-a', partition: 0, watch })
 * ```
 */
export function functionWatch(options: FunctionWatchOptions = {}): FunctionWatch {
  checkOptionNames('functionWatch', options, FUNCTION_WATCH_OPTIONS)
  const { sessionTimeout = '30s', onBlocked = () => {}, clock = systemClock } = options
  return new BlockedRecords(clock, durationMs(sessionTimeout, 'sessionTimeout'), onBlocked)
}
