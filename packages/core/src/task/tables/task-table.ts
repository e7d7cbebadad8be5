import type { InputPartition } from '../input-partition.js'
import type { JoinTable } from '../join-pipeline.js'
import type { TaskStore } from '../stores/task-store.js'
import type { TableCapacity } from './table-capacity.js'
import type { TableCatchUp } from './table-catch-up.js'
import type { TopicFreshness } from './topic-freshness.js'

/** A table in one task. */
export interface TaskTable extends JoinTable {
  readonly input: InputPartition
  readonly store: TaskStore
  readonly catchUp: TableCatchUp
  /** Of rows in the changelog: until when deletions were read. Left out if the topic never removes tombstones. */
  readonly freshness?: TopicFreshness | undefined
  /** `undefined` if the size of the table is not bounded. */
  readonly capacity: TableCapacity | undefined
  /** Whether it is read again from its beginning, because its topic has lost records. */
  readonly isRebuilt: boolean
  /** Records that were skipped before the task was opened; `undefined` if they were not counted. */
  readonly skippedBefore: number | undefined
}
