import { RefusedOutputs } from './commit/refused-outputs.js'
import { SlowRebuilds } from './tables/slow-rebuilds.js'

/** What a task remembers from one attempt to the next. */
export interface TaskMemory {
  /** What the log has refused. */
  readonly refused: RefusedOutputs
  readonly slowRebuilds: SlowRebuilds
}

/** @returns the memory of a new task */
export const newTaskMemory = (): TaskMemory => ({ refused: new RefusedOutputs(), slowRebuilds: new SlowRebuilds() })
