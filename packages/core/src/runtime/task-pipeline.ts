import type { JoinOperator } from '../join/join-operator.js'
import type { Input } from './input.js'
import type { TaskTable } from './task-table.js'

/** A pipeline in one task. */
export interface TaskPipeline {
  readonly operator: JoinOperator
  readonly input: Input
  /** In the order of the plan's tables. */
  readonly tables: readonly TaskTable[]
  /** Whether its tables are loaded and its waiters were looked at. */
  isOpen: boolean
  /** Whether the waiting room is full and the stream stands before it. */
  isFull: boolean
}
