import type { Headers, LogRecord, NewRecord, Origin } from '../record.js'
import type { LogGroup } from './membership.js'
import type { Guarantee, LogSink, LogSource } from './reading.js'
import type { LogTasks } from './task-session.js'

export type * from './membership.js'
export type * from './reading.js'
export type * from './task-offsets.js'
export type * from './task-session.js'
export type { Headers, LogRecord, NewRecord, Origin }

/**
 * A partitioned log, in layers. `G` is the guarantee that an application can request: a log that offers more guarantees
 * can be used wherever fewer are required.
 */
export interface Log<in G extends Guarantee = 'exactly-once'> extends AsyncDisposable {
  /** Layer 1: reads. */
  readonly source: LogSource
  /** Layer 2: appends outside of tasks. */
  readonly sink: LogSink
  /** Layer 3: distributes tasks among instances. */
  readonly group: LogGroup
  /** Layer 4: commits for tasks. */
  readonly tasks: LogTasks<G>
  /** @returns the sizes of what the log itself holds in memory, by name; `app.metrics().gauges` includes them */
  gauges?(): Readonly<Record<string, number>>
  /** @returns descriptions of what the log is retrying now; `app.health().problems` includes them */
  problems?(): readonly string[]
}
