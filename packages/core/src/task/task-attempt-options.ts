import type { JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import type { TaskProgress } from './stall/task-progress.js'
import type { TaskOptions } from './task-options.js'
import type { Wakeup } from './wakeup.js'

/** What the task has to do. */
export interface TaskControl {
  /** Whether to commit what has been processed, and to take no more records. */
  isPaused: boolean
  /** Whether to end once drained, and not to reopen. */
  isEnding: boolean
  /** Whether to end immediately, without a commit. */
  isClosingDirty: boolean
}

/** Receives the notifications of a task attempt. */
export interface TaskAttemptListener {
  /** Every table has caught up, and that is committed. */
  running(): void
  /** A task that was reopened has committed, or has nothing to do. */
  recovered(): void
  /** The task is paused, and everything is committed. May be called repeatedly. */
  drained(): void
  /** A commit has ended without an error, possibly after many retries; with the totals if it is in the log and in the stores. */
  commitEnded(totals: Readonly<Record<string, Totals>> | undefined): void
  retrying(error: JoineryError, inMs: number): void
}

/** Options of {@link TaskAttempt}. */
export interface TaskAttemptOptions extends TaskOptions {
  readonly control: Readonly<TaskControl>
  readonly wakeup: Wakeup
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly progress: TaskProgress
  readonly attemptListener: TaskAttemptListener
}
