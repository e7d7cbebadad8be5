import type { InputPartition } from './input-partition.js'
import type { JoinPipeline } from './join-pipeline.js'
import type { TaskTable } from './tables/task-table.js'

/** A pipeline in one task. */
export interface TaskPipeline extends JoinPipeline {
  readonly input: InputPartition
  readonly tables: readonly TaskTable[]
  /** Whether its tables are loaded and its waiting events have been evaluated. */
  isOpen: boolean
  /** Whether the stream is paused because the wait buffer is full. */
  isFull: boolean
}
