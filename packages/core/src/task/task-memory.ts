import { RefusedOutputs } from './commit/refused-outputs.js'
import { SlowRebuilds } from './tables/slow-rebuilds.js'

/** What a task remembers from one attempt to the next. */
export interface TaskMemory {
  /** What the log has refused. */
  readonly refused: RefusedOutputs
  readonly slowRebuilds: SlowRebuilds
  /** The tables that were reported as paused, and have not continued. */
  readonly pausedTables: Set<string>
}

/** @returns the memory of a new task */
export const newTaskMemory = (): TaskMemory => ({
  refused: new RefusedOutputs(),
  slowRebuilds: new SlowRebuilds(),
  pausedTables: new Set(),
})
