import type { Clock } from '../clock.js'
import type { JoineryError } from '../errors.js'
import type { LogTasks, Membership } from '../log/contract.js'
import type { CallEvent, Outcome } from '../outcome/effects.js'
import type { StateStores } from '../store/contract.js'
import type { ClaimReport } from './calls/call-dispatcher.js'
import type { CommitSchedule } from './commit/commit-schedule.js'
import type { StoredBytes } from './stores/stored-bytes.js'
import type { TaskSetup } from './task-state.js'

/** What a task needs to run. */
export interface TaskOptions extends TaskSetup {
  readonly tasks: LogTasks<never>
  readonly stores: StateStores
  /** Shared by all tasks of the instance. */
  readonly storedBytes: StoredBytes
  /** Verifies that this process is still a member of the group. */
  readonly verifyMembership: Membership['verify']
  readonly clock: Clock
  /** Shared by all tasks of the instance. */
  readonly commitSchedule: CommitSchedule
  readonly commitBytes: number
  readonly maxIdleMs: number
  /** Reports the outcome of a call to the owner of this task, once this process no longer owns it. */
  readonly report: (pipeline: string, report: ClaimReport) => Promise<void>
  readonly listener: TaskListener
}

/** The options that are the same for all tasks of an instance. */
export type SharedTaskOptions = Pick<
  TaskOptions,
  'stores' | 'storedBytes' | 'bounds' | 'cache' | 'counts' | 'commitSchedule' | 'commitBytes' | 'maxIdleMs'
>

/** Receives the events of a task. */
export interface TaskListener {
  outcomes(outcomes: readonly (Outcome | CallEvent)[]): void
  restored(partition: number, rows: number, tookMs: number): void
  /** The tables are loaded: streams are being processed. */
  running(): void
  /** A task that was reopened has committed again, or has nothing to do. */
  recovered(): void
  reopening(partition: number, why: string): void
  retrying(error: JoineryError, inMs: number): void
  /** The task has stopped with an error that a retry cannot fix; nothing is lost. */
  halted(error: Error): void
}
