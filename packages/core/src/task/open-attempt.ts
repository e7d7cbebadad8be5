import { failpoint } from '@joinery/failpoint'
import { JoineryError } from '../errors.js'
import { restoreTask } from './restore/restore-task.js'
import type { TaskStores } from './stores/task-stores.js'
import { TaskAttempt, type TaskAttemptListener, type TaskControl } from './task-attempt.js'
import type { TaskOptions } from './task-options.js'
import type { InternalPhase } from './task-phase.js'
import type { Wakeup } from './wakeup.js'

/** Options of {@link openAttempt}. */
export interface OpenAttemptOptions {
  readonly options: TaskOptions
  readonly stores: TaskStores
  readonly control: Readonly<TaskControl>
  readonly wakeup: Wakeup
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly attemptListener: TaskAttemptListener
  readonly enter: (phase: InternalPhase) => void
}

/**
 * Verifies the membership, opens a session, which fences every earlier owner, and restores the committed state. A start
 * and a failed commit both lead here.
 *
 * @throws JoineryError `TASK_LOST`, retriable, if this process is not a member; errors of the log and the stores
 */
export async function openAttempt(of: OpenAttemptOptions): Promise<TaskAttempt> {
  const { options, stores, control, wakeup, now, signal, attemptListener, enter } = of
  const { clock, tasks, application, partition, verifyMembership } = options
  enter('opening')
  const proof = await verifyMembership()
  if (proof !== 'member')
    throw new JoineryError('TASK_LOST', `task ${partition} waits for the group: this member is ${proof}`, {
      retriable: true,
      partition,
    })
  failpoint('open.verified')
  const session = await tasks.open({ application, task: partition })
  enter('restoring')
  const state = await restoreTask({
    setup: options,
    session,
    taskStores: stores,
    now,
    monotonic: () => clock.monotonic(),
    wake: wakeup.wake,
    signal,
  }).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  return new TaskAttempt(state, { ...options, control, wakeup, now, signal, attemptListener })
}
