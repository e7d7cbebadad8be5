import type { Duration } from '../duration.js'
import type { JoineryError } from '../errors.js'
import type { PipelineMetrics } from '../outcome/pipeline-metrics.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { Table } from '../pipeline/table.js'
import type { Origin } from '../record.js'
import type { AppState } from './app-state.js'
import type { InDoubtCalls } from './in-doubt-call.js'

/**
 * An event of an application. Outcomes of records are reported after their commit, at most 1000 for each commit;
 * {@link Metrics} counts all of them.
 */
export type AppEvent =
  | {
      /** The state of the application has changed. */
      readonly type: 'state'
      /** The previous state. */
      readonly from: AppState
      /** The current state. */
      readonly to: AppState
    }
  | {
      /** The group has assigned tasks (the whole assignment), or is revoking some, which are committed first. */
      readonly type: 'assigned' | 'revoked'
      /** The partitions. */
      readonly tasks: readonly number[]
    }
  | {
      /**
       * The group has expelled this instance, or membership could not be verified: all tasks end at once, without a
       * commit.
       */
      readonly type: 'lost'
    }
  | {
      /** A task has restored its committed state; it now reads its tables to their end offsets. */
      readonly type: 'restored'
      /** The partition. */
      readonly task: number
      /** Number of rows read from the topics of tables. */
      readonly rows: number
      /** The duration of the restore, in milliseconds. */
      readonly tookMs: number
    }
  | {
      /** A commit failed: the task discards its uncommitted work, and restarts from the log. */
      readonly type: 'reopening'
      /** The partition. */
      readonly task: number
      /** The reason, as text. */
      readonly reason: string
    }
  | {
      /** A record was dropped or dead-lettered. */
      readonly type: 'dropped' | 'dead-lettered'
      /** The reason. */
      readonly reason: Reason
      /** The record. */
      readonly origin: Origin
      /** The error, if there was one. */
      readonly error?: JoineryError
    }
  | {
      /**
       * A request was provably not sent, and is retried; a call is in doubt; a person's decision about one was
       * applied; or a report contradicted a settled call, and was ignored.
       */
      readonly type: 'call-not-sent' | 'in-doubt' | 'call-resolved' | 'call-contradiction'
      /** The name of the pipeline. */
      readonly pipeline: string
      /** The id of the call. */
      readonly callId: string
      /** The task that the call belongs to. */
      readonly partition: number
      /** The token of the claim. */
      readonly token: string
      /** The reason, as text. */
      readonly reason: string
    }
  | {
      /** A store that may evict rows has evicted some. */
      readonly type: 'rows-lost'
      /** The topic of the table. */
      readonly table: string
      /** The partition. */
      readonly task: number
      /** The number of rows. */
      readonly rows: number
    }
  | {
      /** An operation failed with a retriable error. */
      readonly type: 'retrying'
      /** The error. */
      readonly error: JoineryError
      /** The delay before the retry, in milliseconds. */
      readonly inMs: number
    }

/** The health of an application, in terms of an orchestrator's probes. */
export interface Health {
  /** The application has not failed. Does not depend on brokers: a restart does not fix an outage. */
  readonly live: boolean
  /** All tasks are restored and running. An instance without tasks is a healthy standby. */
  readonly ready: boolean
  /** The application has been ready at least once. */
  readonly started: boolean
  /** The current state. */
  readonly state: AppState
  /** Current problems, as text. */
  readonly problems: readonly string[]
}

/** Metrics of one instance. Totals are part of the committed state: they continue after a restart. */
export interface Metrics {
  /** Metrics by pipeline, summed over the tasks of this instance. */
  readonly pipelines: Readonly<Record<string, PipelineMetrics>>
  /** The same metrics by pipeline, then by task (the number of the partition). */
  readonly tasks: Readonly<Record<string, Readonly<Record<string, PipelineMetrics>>>>
  /** Sizes of bounded buffers and caches, by name. */
  readonly gauges: Readonly<Record<string, number>>
  /** Counts since this instance started, by name. They are not part of the committed state. */
  readonly counts: Readonly<Record<string, number>>
}

/** The committed rows of a table on this instance. */
export interface TableView<K, T> {
  /**
   * Returns the row of a key, or `undefined` if there is none. A row that is not known here is an error instead.
   *
   * @throws JoineryError `KEY_ELSEWHERE` if another instance has the key's partition; retriable: `STORE_RESTORING`
   * while this instance loads the partition or has no assignment yet, `STORE_FAILED`, `STORE_FENCED`, `STORE_BEHIND`;
   * `DECODE_FAILED`; `APP_CLOSED` after the application has ended; `OPTION_INVALID` for a topic whose key serde cannot
   * encode
   */
  get(key: K): Promise<T | undefined>
  /**
   * Returns all rows of this instance's partitions, in no particular order. A row that changes during the iteration may
   * be returned in its old or new version.
   *
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
  /** Resolves after {@link close}; rejects with the error that stopped the application. */
  readonly closed: Promise<void>
  /** Returns the state and current problems. Cheap: meant for probes. */
  health(): Health
  /** Returns the metrics as of the last commit. They remain available after {@link close}. */
  metrics(): Metrics
  /**
   * Returns a view of a table of one of the pipelines.
   *
   * @throws JoineryError `OPTION_INVALID` for a table that no pipeline of this application joins
   *
   * @example
   * ```ts
   * const row = await app.query(information).get('p1')
   * ```
   */
  query<K, T>(table: Table<K, T>): TableView<K, T>
  /**
   * Returns the calls in doubt of one of the pipelines, on all instances, to list and resolve them.
   *
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
