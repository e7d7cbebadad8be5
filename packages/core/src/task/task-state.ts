import type { TaskSession, TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { CacheLimit } from '../store/row-cache.js'
import type { BlockedRecords } from './blocked/blocked-records.js'
import type { TaskCallSetup, TaskCallState } from './calls/restore-calls.js'
import type { Counts } from './counters.js'
import type { InputPartition } from './input-partition.js'
import type { TaskStore } from './stores/task-store.js'
import type { TableBounds } from './tables/table-bounds.js'
import type { FullTable } from './tables/table-capacity.js'
import type { TaskTable } from './tables/task-table.js'
import type { TaskMemory } from './task-memory.js'
import type { TaskPipeline } from './task-pipeline.js'

/** A table has reached a bound, or continues. */
export type TableEvent =
  | ({ readonly type: 'table-paused' } & FullTable)
  | { readonly type: 'table-resumed'; readonly table: string; readonly task: number }

/** What a task is created from. */
export interface TaskSetup extends TaskCallSetup, TaskMemory {
  readonly plan: ApplicationPlan
  /** Metadata of the inputs, by topic. */
  readonly inputs: ReadonlyMap<string, TopicInfo>
  /** The reports topic of calls; `undefined` if the application makes no calls. */
  readonly reports: TopicInfo | undefined
  /** Limits of the cache of decoded rows, for each table. */
  readonly cache: CacheLimit
  readonly counts: Counts
  /** Finds the records for which functions block the event loop; shared by all tasks of the instance. */
  readonly blocked?: BlockedRecords
  /** Shared by all tasks of the instance. */
  readonly bounds: TableBounds
  /** Called when a table reaches a bound, and when it continues. */
  readonly tableChanged: (event: TableEvent) => void
  /** Called when a store has evicted rows. */
  readonly rowsLost: (store: string, rows: number) => void
  /** Called when a table is rebuilt because its topic has lost records that were read up to an offset. */
  readonly rebuilding: (of: { readonly table: string; readonly task: number; readonly offset: number }) => void
}

/** The state of a task attempt: built from the log, and discarded when a commit fails. */
export interface TaskState {
  readonly session: TaskSession
  /** Milliseconds of the log's clock. */
  readonly logTimeMs: () => number
  /** The digest of the pipelines that a commit writes. */
  readonly hash: string
  readonly tables: readonly TaskTable[]
  readonly pipelines: readonly TaskPipeline[]
  readonly waiters: TaskStore
  /** `undefined` if the application makes no calls. */
  readonly callState: TaskCallState | undefined
  /** All inputs, tables first. */
  readonly inputs: readonly InputPartition[]
  readonly restoredRows: number
}
