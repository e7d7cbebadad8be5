import type { InputPartition } from './input-partition.js'
import type { JoinTable } from './record-processor.js'
import type { TaskStore } from './stores/task-store.js'
import type { UncommittedWork } from './uncommitted-work.js'

/** A requested end of a table: once it is processed, nothing that was committed before `time` is unknown. */
export interface EndProof {
  /** When the end was requested, in steady milliseconds. */
  readonly time: number
  /** The same by the log's clock. */
  readonly logTime: number
  /** The end; `undefined` until the log has answered. */
  end: number | undefined
}

/** A table in one task. */
export interface TaskTable extends JoinTable {
  readonly input: InputPartition
  readonly store: TaskStore
  /** Records that were skipped before the task was opened; `undefined` if nobody has counted. */
  readonly skippedBefore: number | undefined
  /** Whether its rows are certain. */
  isKnown: boolean
  /** Whether it was read to an end requested after the start. */
  isLoaded: boolean
  /** The work that held its rows then: they are in the store once it is. */
  loadedIn: UncommittedWork | undefined
  /** An end that is being waited for. */
  proof: EndProof | undefined
  /** Do not ask for an end before, in monotonic milliseconds. */
  retryAt: number
  /** What the last request for an end failed with. */
  problem: string | undefined
}
