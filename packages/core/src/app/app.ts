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
 * What happens in an application. Records' outcomes are told after their commit, and at most 1000 of a commit: counts are
 * in {@link Metrics}.
 */
export type AppEvent =
  | {
      /** It does something else now. */
      readonly type: 'state'
      /** What it did until now. */
      readonly from: AppState
      /** What it does now. */
      readonly to: AppState
    }
  | {
      /** The group has given tasks (the whole assignment), or wants some back: they are committed first. */
      readonly type: 'assigned' | 'revoked'
      /** Partitions. */
      readonly tasks: readonly number[]
    }
  | {
      /** The group has expelled this instance, or it cannot prove that it has not: all its tasks stop at once. */
      readonly type: 'lost'
    }
  | {
      /** A task has its committed state back; its tables are now read to their end. */
      readonly type: 'restored'
      /** The partition. */
      readonly task: number
      /** Rows that were read from tables' own topics. */
      readonly rows: number
      /** How long it took, in milliseconds. */
      readonly tookMs: number
    }
  | {
      /** A commit failed: the task forgets what is not committed, and begins again from the log. */
      readonly type: 'reopening'
      /** The partition. */
      readonly task: number
      /** In words. */
      readonly reason: string
    }
  | {
      /** A record was dropped or dead-lettered. */
      readonly type: 'dropped' | 'dead-lettered'
      /** Why. */
      readonly reason: Reason
      /** The record. */
      readonly origin: Origin
      /** What went wrong, where something did. */
      readonly error?: JoineryError
    }
  | {
      /**
       * A request was provably not sent, and is retried; a call is in doubt; a human operator's decision of it was applied;
       * or a report contradicted what had been settled, and was ignored.
       */
      readonly type: 'call-not-sent' | 'in-doubt' | 'call-resolved' | 'call-contradiction'
      /** The pipeline of calls. */
      readonly pipeline: string
      /** The call. */
      readonly callId: string
      /** The task. */
      readonly partition: number
      /** The claim. */
      readonly token: string
      /** In words. */
      readonly reason: string
    }
  | {
      /** A store that may lose rows has lost some. */
      readonly type: 'rows-lost'
      /** The table's topic. */
      readonly table: string
      /** The partition. */
      readonly task: number
      /** How many. */
      readonly rows: number
    }
  | {
      /** Something failed that may pass. */
      readonly type: 'retrying'
      /** What failed. */
      readonly error: JoineryError
      /** When it is tried again, in milliseconds from now. */
      readonly inMs: number
    }

/** Whether an application is well, in the terms of an orchestrator's probes. */
export interface Health {
  /** Not failed. Never depends on brokers: restarting does not cure an outage. */
  readonly live: boolean
  /** All its tasks have been restored and run. An instance without tasks is a healthy standby. */
  readonly ready: boolean
  /** It has been ready once. */
  readonly started: boolean
  /** What the application is doing. */
  readonly state: AppState
  /** What is not as it should be, in words. */
  readonly problems: readonly string[]
}

/** Figures of one instance. Totals are part of the committed state: they go on where they were after a restart. */
export interface Metrics {
  /** By pipeline, then by task, so that instances add up. */
  readonly pipelines: Readonly<Record<string, PipelineMetrics>>
  /** The same figures by pipeline, then by task (the number of the partition). */
  readonly tasks: Readonly<Record<string, Readonly<Record<string, PipelineMetrics>>>>
  /** Sizes of bounded things, by name. */
  readonly gauges: Readonly<Record<string, number>>
  /** What this instance has counted since it started, by name. No part of the committed state: it begins at 0 with each start. */
  readonly counts: Readonly<Record<string, number>>
}

/** A table as this instance has committed it. */
export interface TableView<K, T> {
  /**
   * The row of a key, or `undefined` if there is none: never because it is not known.
   *
   * @throws JoineryError `KEY_ELSEWHERE` if another instance has the key's partition; retriable: `STORE_RESTORING` while this
   * one is loading it or has no assignment yet, `STORE_FAILED`, `STORE_FENCED`, `STORE_BEHIND`; `DECODE_FAILED`; `APP_CLOSED` when
   * it has ended; `OPTION_INVALID` for a topic whose key serde cannot encode
   */
  get(key: K): Promise<T | undefined>
  /**
   * All rows of this instance's partitions, in no order. Rows that change meanwhile may come as they were or as they are.
   *
   * @throws JoineryError as `get`: before the first row while a partition is being loaded, later if one has gone elsewhere
   */
  entries(): AsyncIterable<readonly [key: K, row: T]>
}

/** A running application. */
export interface App extends AsyncDisposable {
  /** Resolves when all tasks of the first assignment are restored and run; rejects with what stopped it before. */
  readonly ready: Promise<void>
  /** Resolves after {@link close}; rejects with what stopped the application. */
  readonly closed: Promise<void>
  /** What it is doing, and what is not as it should be. Cheap: meant for probes. */
  health(): Health
  /** Figures as of the last commit. After {@link close} they stay as they were. */
  metrics(): Metrics
  /**
   * Looks into a table of one of its pipelines.
   *
   * @throws JoineryError `OPTION_INVALID` for a table that none of them joins
   *
   * @example
   * ```ts
   * const row = await app.query(information).get('p1')
   * ```
   */
  query<K, T>(table: Table<K, T>): TableView<K, T>
  /**
   * The calls in doubt of one of its pipelines, wherever they were made, and what is decided about them.
   *
   * @throws JoineryError `OPTION_INVALID` for a pipeline that it does not run
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
   * Stops reading, waits for running calls, commits what is processed, leaves the group. Idempotent. After `timeout` (default `'20s'`) it stops waiting.
   *
   * @throws JoineryError `APP_CLOSED` if it took longer than that: what was not committed is processed again by the next owner,
   * and calls that still run may end up in doubt
   */
  close(options?: { readonly timeout?: Duration }): Promise<void>
}
