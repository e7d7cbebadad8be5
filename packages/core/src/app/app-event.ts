import type { JoineryError } from '../errors.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { Origin } from '../record.js'
import type { BlockingRecords } from '../task/blocked/blocked-records.js'
import type { AppState } from './app-state.js'

/**
 * An event of an application. Outcomes of records are reported after their commit, at most 1000 for each commit;
 * the application's metrics count all of them.
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
       * The group has expelled this instance, or membership could not be verified: all tasks end immediately, without a
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
      /** A task has committed nothing for longer than `stalledAfter` although there is work, or an input has been held up for that time. */
      readonly type: 'stalled'
      /** The partition. */
      readonly task: number
      /** For how long, in milliseconds. */
      readonly forMs: number
      /** Why, as text. */
      readonly reasons: readonly string[]
    }
  | {
      /** A task that was reported as stalled makes progress, has nothing more to do, or has moved to another instance. */
      readonly type: 'stall-ended'
      /** The partition. */
      readonly task: number
      /** How long it was stalled, in milliseconds. */
      readonly afterMs: number
    }
  | ({
      /** Functions or serdes have run for a second or longer without a pause: nothing else could run, not even heartbeats. */
      readonly type: 'blocked'
    } & BlockingRecords)
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
      /** The keys that were sampled of a stream and of a table never meet: their producers write them differently. */
      readonly type: 'keys-differ'
      /** The name of the pipeline. */
      readonly pipeline: string
      /** The topic of the table. */
      readonly table: string
      /** How they differ, and what to do. */
      readonly reason: string
    }
  | {
      /**
       * At the start: an output loses records by its configuration, or a dead-letter topic accepts no more bytes than its
       * stream. `Health.problems` contains the former.
       */
      readonly type: 'unsuitable-output'
      /** What is lost, and which setting causes it, as text. */
      readonly problem: string
    }
  | {
      /** A table is rebuilt from the beginning of its topic, because the topic has lost records that were read. */
      readonly type: 'rebuilding'
      /** The topic of the table. */
      readonly table: string
      /** The partition. */
      readonly task: number
      /** The offset up to which the topic had been read. */
      readonly offset: number
    }
  | {
      /** A table is paused, and its task waits, because the next record would exceed a bound. */
      readonly type: 'table-paused'
      /** The topic of the table. */
      readonly table: string
      /** The partition. */
      readonly task: number
      /** The offset of that record. */
      readonly offset: number
      /** The option that sets the bound: of the table, or of all tables together. */
      readonly option: 'maxBytes' | 'maxTableBytes'
      /** The bound. */
      readonly maxBytes: number
      /** The bytes of rows that this instance has stored of what is bounded. */
      readonly bytes: number
    }
  | {
      /** A table that was paused continues. */
      readonly type: 'table-resumed'
      /** The topic of the table. */
      readonly table: string
      /** The partition. */
      readonly task: number
    }
  | {
      /** An operation failed with a retriable error. */
      readonly type: 'retrying'
      /** The error. */
      readonly error: JoineryError
      /** The delay before the retry, in milliseconds. */
      readonly inMs: number
    }
