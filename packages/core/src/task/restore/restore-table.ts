import { failpoint } from '@joinery/failpoint'
import type { LogSource, TopicPartition } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'
import type { Change } from '../../store/contract.js'
import type { TaskStore } from '../stores/task-store.js'
import { replay } from './replay.js'

/** Changes collected before they are committed to a store. */
const BATCH_SIZE = 5_000
/** For a store that commits synchronously: larger batches gain nothing there, and cost garbage collection. */
const SYNCHRONOUS_BATCH_SIZE = 1_000

/**
 * Whether a record of a table is a row. One that is not was skipped when it was first processed: the previous row
 * stays.
 */
export type IsRow = (record: Change) => boolean

/** Options of {@link restoreTable}. */
export interface RestoreTableOptions {
  readonly source: LogSource
  readonly at: TopicPartition
  readonly store: TaskStore
  /** The committed position. */
  readonly to: number
  /** Milliseconds of the log's clock. */
  readonly now: number
  readonly signal: AbortSignal
  /** `undefined`: every record with a key is a row. */
  readonly isRow: IsRow | undefined
}

/**
 * Rebuilds a table from its own topic up to the committed position. Nothing is processed: its records were processed
 * before that position was committed.
 *
 * @returns the number of rows and tombstones read
 */
export async function restoreTable({
  source,
  at,
  store,
  to,
  now,
  signal,
  isRow,
}: RestoreTableOptions): Promise<number> {
  const from = await store.replayFrom(await source.earliestOffset(at), to, now)
  const changes: Change[] = []
  let batchSize = SYNCHRONOUS_BATCH_SIZE
  let count = 0
  const each = ({ key, value }: LogRecord) => {
    if (key === null) return
    const change = { key, value }
    if (isRow?.(change) === false) return
    changes.push(change)
    count++
  }
  const afterBatch = async (next: number) => {
    failpoint('restore.table')
    if (changes.length < batchSize) return
    const done = store.commit(changes.splice(0), next)
    if (!(done instanceof Promise)) return
    batchSize = BATCH_SIZE
    await done
  }
  await replay({ source, at, from, to, signal, each, afterBatch })
  if (from < to) await store.commit(changes, to)
  return count
}
