import { failpoint } from '@joinery/failpoint'
import { JoineryError } from '../errors.js'
import { observedSource } from '../log/observed-source.js'
import { restoreTask } from './restore/restore-task.js'
import type { TaskStores } from './stores/task-stores.js'
import { TaskAttempt } from './task-attempt.js'
import type { TaskAttemptOptions } from './task-attempt-options.js'
import type { TaskOptions } from './task-options.js'
import type { InternalPhase } from './task-phase.js'

type AttemptOptions = Pick<TaskAttemptOptions, 'control' | 'wakeup' | 'now' | 'signal' | 'progress' | 'attemptListener'>

/** Options of {@link openAttempt}. */
export interface OpenAttemptOptions extends AttemptOptions {
  readonly options: TaskOptions
  readonly stores: TaskStores
  readonly enter: (phase: InternalPhase) => void
}

/**
 * Verifies the membership, opens a session, which fences every earlier owner, and restores the committed state. A start
 * and a failed commit both lead here.
 *
 * @throws JoineryError `TASK_LOST`, retriable, if this process is not a member; errors of the log and the stores
 */
export async function openAttempt(of: OpenAttemptOptions): Promise<TaskAttempt> {
  const { options, stores, control, wakeup, now, signal, progress, attemptListener, enter } = of
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
  if (!(session.openedAt >= 0)) {
    await session.close()
    const message = `the log does not say when it appended OWNER (openedAt is ${session.openedAt}): retention and the timestamps of outputs depend on its clock`
    throw new JoineryError('TOPIC_UNSUITABLE', message, { ...session.changelog })
  }
  enter('restoring')
  const state = await restoreTask({
    setup: { ...options, source: observedSource(options.source, () => progress.restored()) },
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
  return new TaskAttempt(state, { ...options, control, wakeup, now, signal, progress, attemptListener })
}
