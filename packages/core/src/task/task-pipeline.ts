import type { InputPartition } from './input-partition.js'
import type { JoinPipeline } from './record-processor.js'
import type { TaskTable } from './tables/task-table.js'

/** A pipeline in one task. */
export interface TaskPipeline extends JoinPipeline {
  readonly input: InputPartition
  readonly tables: readonly TaskTable[]
  /** Whether its tables are loaded and its waiters were looked at. */
  isOpen: boolean
  /** Whether the waiting room is full and the stream stands before it. */
  isFull: boolean
}
