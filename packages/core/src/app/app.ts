import type { Duration } from '../duration.js'
import type { PipelineMetrics } from '../outcome/pipeline-metrics.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { Table } from '../pipeline/table.js'
import type { AppState } from './app-state.js'
import type { InDoubtCalls } from './calls/in-doubt-call.js'

/** A task that has committed nothing for longer than `stalledAfter` although there is work, or of which an input has been held up. */
export interface StalledTask {
  /** The partition. */
  readonly task: number
  /** For how long it has made no progress, in milliseconds. */
  readonly forMs: number
  /** Why, as text: the problems that last, or else what the task waits for. */
  readonly reasons: readonly string[]
}

/** The health of an application, in terms of an orchestrator's probes. */
export interface Health {
  /** The application has not failed. Does not depend on brokers: a restart does not fix an outage. */
  readonly live: boolean
  /**
   * All tasks are restored and running. A task that is reopened, or whose stores or commits do not respond, may be interrupted for the
   * group's session timeout before this becomes false. An instance without tasks is a healthy standby.
   */
  readonly ready: boolean
  /** The application has been ready at least once. */
  readonly started: boolean
  /** The current state. */
  readonly state: AppState
  /** Current problems, as text. */
  readonly problems: readonly string[]
  /** The tasks that make no progress although there is work, with the reasons. They may be running: see `ready`. */
  readonly stalled: readonly StalledTask[]
}

/** Metrics of a table. */
export interface TableMetrics {
  /** The bytes that the rows of the table take in the stores of this instance. */
  readonly storedBytes: number
}

/** Metrics of one instance. Totals are part of the committed state: they continue after a restart. */
export interface Metrics {
  /** Metrics by pipeline, summed over the tasks of this instance. */
  readonly pipelines: Readonly<Record<string, PipelineMetrics>>
  /** The same metrics by pipeline, then by task (the number of the partition). */
  readonly tasks: Readonly<Record<string, Readonly<Record<string, PipelineMetrics>>>>
  /** Metrics by table (its topic): of each table whose stores know how much they hold, once they are open. */
  readonly tables: Readonly<Record<string, TableMetrics>>
  /** Sizes of stores, bounded buffers and caches, by name. */
  readonly gauges: Readonly<Record<string, number>>
  /** Counts since this instance started, by name. They are not part of the committed state. */
  readonly counts: Readonly<Record<string, number>>
}

/** The committed rows of a table on this instance. */
export interface TableView<K, T> {
  /**
   * Reads the row of a key. A row that is not known here is an error. Rows that another partitioner than murmur2 has put into
   * other partitions of this instance are found, too.
   *
   * @returns the row; `undefined` if there is none
   * @throws JoineryError `KEY_ELSEWHERE` if another instance has the key's partition, or may have the row: because the
   * table's producers use another partitioner, or because too few keys are known here to rule that out; retriable: `STORE_RESTORING`
   * while this instance loads the partition or has no assignment yet, `STORE_FAILED`, `STORE_FENCED`, `STORE_BEHIND`;
   * `DECODE_FAILED`; `APP_CLOSED` after the application has ended; `OPTION_INVALID` for a topic whose key serde cannot
   * encode
   */
  get(key: K): Promise<T | undefined>
  /**
   * Iterates over all rows of this instance's partitions. A row that changes during the iteration may be returned in its old or
   * new version.
   *
   * @returns keys with their rows, in no particular order
   * @throws JoineryError as `get`: before the first row while a partition is being loaded, later if a partition has
   * moved to another instance
   */
  entries(): AsyncIterable<readonly [key: K, row: T]>
}

/** A running application. */
export interface App extends AsyncDisposable {
  /**
   * Resolves when all tasks of the first assignment are restored and running; rejects with the error that prevented it.
   */
  readonly ready: Promise<void>
  /**
   * Resolves after {@link close}; rejects with the error that stopped the application. If your program does not await
   * it, that is an unhandled rejection, which ends a Node process unless it handles those. The rejection counts as
   * handled if {@link ready} or the promise of {@link close} carries the same error: if your program has taken only
   * `ready`, which is pending, or has called `close` before.
   */
  readonly closed: Promise<void>
  /**
   * Reports whether the application works. Cheap: meant for probes.
   *
   * @returns the state, the results for an orchestrator's probes, and the current problems
   */
  health(): Health
  /**
   * Reads the metrics of this instance. They remain available after {@link close}.
   *
   * @returns totals as of the last commit, current sizes, and counts since this instance started
   */
  metrics(): Metrics
  /**
   * Queries a table of one of the pipelines.
   *
   * @returns a view, which reads the rows that this instance has at the time of each call
   * @throws JoineryError `OPTION_INVALID` for a table that no pipeline of this application joins
   *
   * @example
   * ```ts
   * const row = await app.query(information).get('p1')
   * ```
   */
  query<K, T>(table: Table<K, T>): TableView<K, T>
  /**
   * Gives access to the calls in doubt of one of the pipelines, on all instances.
   *
   * @returns an object that lists and resolves them, and reads nothing before that
   * @throws JoineryError `OPTION_INVALID` for a pipeline that this application does not run
   *
   * @example
   * ```ts
   * const activate = stream(notifications).callOnce(
   *   async ({ externalId }, call) => {
   *     await call.fetch(`https://service.example/products/${externalId}`, { method: 'POST' })
   *   },
   *   { inDoubt: { deadLetter: 'service-b.in-doubt' } },
   * )
   * await using service = await run(activate, { application: 'service-b', log })
   * const calls = service.inDoubtCalls(activate)
   * for await (const call of calls.list()) {
   *   await calls.resolve(call, { outcome: 'abandoned', decidedBy: 'ops', reason: 'the product is gone' })
   * }
   * ```
   */
  inDoubtCalls<K, R>(of: CallOnce<K, R>): InDoubtCalls<R>
  /**
   * Stops reading, waits for running calls, commits what has been processed, and leaves the group. Idempotent. Stops
   * waiting after `timeout` (default `'20s'`).
   *
   * @throws JoineryError `APP_CLOSED` after that timeout: what was not committed is processed again by the next owner,
   * and calls that are still running may end up in doubt
   */
  close(options?: { readonly timeout?: Duration }): Promise<void>
}
