import { failpoint } from '@joinery/failpoint'
import { JoineryError } from '../../errors.js'
import type { Batch, LogSource, TopicPartition } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'
import type { Change } from '../../store/contract.js'
import type { TaskStore } from '../stores/task-store.js'
import { replay } from './replay.js'
import type { InputStart } from './start-of.js'
import { isLost, truncatedTable } from './truncated-table.js'

/** Changes collected before they are committed to a store. */
const BATCH_SIZE = 5_000
/** For a store that commits synchronously: larger batches gain nothing there, and cost garbage collection. */
const SYNCHRONOUS_BATCH_SIZE = 1_000

/**
 * Whether a record of a table is a row. One that is not was skipped when it was first processed: the previous row
 * stays.
 */
export type IsRow = (record: LogRecord & Change) => boolean

/** Options of {@link restoreTable}. */
export interface RestoreTableOptions {
  readonly source: LogSource
  readonly at: TopicPartition
  readonly store: TaskStore
  /** The committed position. */
  readonly to: InputStart
  /** Milliseconds of the log's clock. */
  readonly now: number
  readonly signal: AbortSignal
  /** `undefined`: every record with a key is a row. */
  readonly isRow: IsRow | undefined
  /** Lets the event loop run, if decoding has taken long. */
  readonly pauseIfDue?: () => Promise<void> | undefined
}

/**
 * Rebuilds a table from its own topic up to the committed position. Nothing is processed: its records were processed
 * before that position was committed.
 *
 * @returns the number of rows and tombstones read
 * @throws JoineryError `STORE_BEHIND`, retriable, if the topic has lost records that the store has seen: the store is
 *   cleared, and restored from the beginning when the task is opened again
 */
export async function restoreTable(options: RestoreTableOptions): Promise<number> {
  const { source, at, store, to, now } = options
  const from = await store.replayFrom(await source.earliestOffset(at), to.next, now)
  try {
    // with another epoch, the store is ahead of a truncation that the committed position comes after
    if (from === to.next && isOther(store.leaderEpoch, to.leaderEpoch)) throw lost(at, from)
    return await replayTable(options, from)
  } catch (error) {
    const found = truncatedTable(error, at)
    if (found !== error) await store.clear(now)
    throw found
  }
}

async function replayTable(
  { source, at, store, to, signal, isRow, pauseIfDue }: RestoreTableOptions,
  from: number,
): Promise<number> {
  const changes: Change[] = []
  let batchSize = SYNCHRONOUS_BATCH_SIZE
  let count = 0
  const each = (record: LogRecord) => {
    const { key, value } = record
    if (key === null || isRow?.({ ...record, key }) === false) return
    changes.push({ key, value })
    count++
  }
  const afterBatch = async ({ next, end, leaderEpoch }: Batch) => {
    failpoint('restore.table')
    if (next >= to.next) return
    // the end may be behind for a moment when the leader has changed, or the topic may have lost it since
    const position = { ...at, offset: to.next, leaderEpoch: to.leaderEpoch }
    if (next >= end && (await isLost(source, position, signal))) throw lost(at, to.next)
    if (changes.length < batchSize) return
    const done = store.commit(changes.splice(0), next, leaderEpoch)
    if (!(done instanceof Promise)) return
    batchSize = BATCH_SIZE
    await done
  }
  const { leaderEpoch } = store
  await replay({ source, at, from, leaderEpoch, to: to.next, signal, each, pauseIfDue, afterBatch })
  if (from < to.next) await store.commit(changes, to.next, to.leaderEpoch)
  return count
}

const isOther = (epoch: number | undefined, committed: number | undefined): boolean =>
  epoch !== undefined && committed !== undefined && epoch !== committed

const lost = ({ topic, partition }: TopicPartition, offset: number): JoineryError =>
  new JoineryError(
    'OFFSET_OUT_OF_RANGE',
    `${topic}[${partition}] no longer holds what was read of it up to offset ${offset}`,
    { topic, partition, offset },
  )
