import type { Origin } from '@joinery/core/log'
import type { Scenario, SimPipeline } from '../scenario/scenario.js'
import type { EventLifecycle } from './event-lifecycle.js'
import type { TaskHistory } from './log-history.js'
import type { TableHistory } from './table-history.js'

/** What the checks of one pipeline in one task need. */
export interface PipelineContext {
  readonly scenario: Scenario
  readonly pipeline: SimPipeline
  readonly task: TaskHistory
  readonly tables: ReadonlyMap<string, TableHistory>
  readonly lifecycles: readonly EventLifecycle[]
  /** Whether a wall clock was changed: deadlines that survive a restart follow it. */
  readonly hadClockStep: boolean
  /** The record whose functions block their process, if there is one. */
  readonly blocking: Origin | undefined
}
