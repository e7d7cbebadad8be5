/** Options of an output. */
export interface OutputOptions {
  /**
   * The timestamps of the results. `'event'`: that of the event, so that a result of an old event is old, too, and counts as such
   * for the retention of its topic. `'now'`: the time of the log when the result is computed.
   * @defaultValue `'event'`
   */
  readonly timestamps?: 'event' | 'now'
}
