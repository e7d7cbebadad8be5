import type { LogGroup } from './log-group.js'
import type { LogSink } from './log-sink.js'
import type { LogSource } from './log-source.js'
import type { Guarantee, LogTasks } from './log-tasks.js'

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
