import type { TaskSession, TopicInfo } from '../log/contract.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { CacheLimit } from '../store/row-cache.js'
import type { TaskCallSetup, TaskCallState } from './calls/restore-calls.js'
import type { Counts } from './counters.js'
import type { InputPartition } from './input-partition.js'
import type { TaskStore } from './stores/task-store.js'
import type { TaskTable } from './tables/task-table.js'
import type { TaskPipeline } from './task-pipeline.js'

/** What a task is made from. */
export interface TaskSetup extends TaskCallSetup {
  readonly plan: ApplicationPlan
  /** Facts on inputs, by topic. */
  readonly inputs: ReadonlyMap<string, TopicInfo>
  /** The reports of calls, of an application that makes some. */
  readonly reports: TopicInfo | undefined
  /** Of decoded rows, for each table. */
  readonly cache: CacheLimit
  readonly counts: Counts
  /** A store has let rows go. */
  readonly rowsLost: (store: string, rows: number) => void
}

/** A task between one opening and the next: everything here is made from the log, and thrown away when a commit fails. */
export interface TaskState {
  readonly session: TaskSession
  /** Milliseconds of the log's clock. */
  readonly logNow: () => number
  /** Of the pipelines, as a commit writes it. */
  readonly hash: string
  readonly tables: readonly TaskTable[]
  readonly pipelines: readonly TaskPipeline[]
  readonly waiters: TaskStore
  /** Of an application that makes calls. */
  readonly callState: TaskCallState | undefined
  /** All inputs, tables first. */
  readonly inputs: readonly InputPartition[]
  readonly restoredRows: number
}
