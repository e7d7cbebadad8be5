import type { InputPosition } from '../../changelog/position-record.js'
import type { TaskSession, TopicInfo, TopicPartition } from '../../log/contract.js'
import { tombstoneRetentionMs } from '../../log/tombstone-retention.js'
import type { LogRecord } from '../../record.js'
import type { TaskStore } from '../stores/task-store.js'
import { TopicFreshness } from '../tables/topic-freshness.js'
import type { TaskSetup } from '../task-state.js'
import { missedDeletions } from './missed-deletions.js'

/** Options of {@link restoreKeptTable}. */
export interface RestoreKeptTableOptions {
  readonly setup: Pick<TaskSetup, 'source' | 'inputs' | 'slowRebuilds'>
  readonly session: Pick<TaskSession, 'openedAt'>
  readonly at: TopicPartition
  /** Restored from the changelog. */
  readonly store: Pick<TaskStore, 'entries'>
  /** `undefined` if nothing of the table has been read. */
  readonly committed: InputPosition | undefined
  /** Milliseconds of the log's clock. */
  readonly logTimeMs: () => number
  readonly signal: AbortSignal
}

/** What a table whose rows are kept in the changelog continues with. */
export interface KeptTable {
  /** `undefined` if the topic never removes tombstones. */
  readonly freshness: TopicFreshness | undefined
  /** Deletions that may have been compacted away, in the order of their offsets. */
  readonly deletions: readonly LogRecord[]
}

/**
 * Finds the deletions that compaction may have removed from the topic of a table since it was last read to its end.
 *
 * @throws JoineryError `STORE_BEHIND`, retriable, if that has taken too long; after five in a row `TOPIC_UNSUITABLE`
 */
export async function restoreKeptTable(options: RestoreKeptTableOptions): Promise<KeptTable> {
  const { setup, session, at, committed, logTimeMs } = options
  const info = setup.inputs.get(at.topic) as TopicInfo
  if (tombstoneRetentionMs(info) === Number.POSITIVE_INFINITY) return { freshness: undefined, deletions: [] }
  const now = session.openedAt
  const freshness = new TopicFreshness(info, committed, now)
  if (committed === undefined || !freshness.isStale(now)) return { freshness, deletions: [] }
  const { next } = committed
  const deletions = await missedDeletions({ ...options, source: setup.source, next })
  freshness.compared(now, deletions.length === 0)
  const { deleteRetentionMs } = freshness
  if (freshness.isStale(logTimeMs()))
    throw setup.slowRebuilds.failed({
      what: 'comparing the rows of table',
      ...at,
      tookMs: logTimeMs() - now,
      deleteRetentionMs,
      next,
      end: undefined,
    })
  setup.slowRebuilds.succeeded(at.topic)
  return { freshness, deletions }
}
