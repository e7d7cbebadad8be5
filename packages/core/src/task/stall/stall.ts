import type { TaskPhase } from '../task-phase.js'
import type { TaskState } from '../task-state.js'

/** A task that makes no progress although there is work. */
export interface Stall {
  /** Since when, in monotonic milliseconds. */
  readonly since: number
  /** Why, as text: problems that last, or else what the task waits for. */
  readonly reasons: readonly string[]
}

/** What is known about a task that makes no progress. */
export interface StalledTaskState {
  readonly partition: number
  readonly phase: TaskPhase
  /** Whether a commit is in flight. */
  readonly isCommitting: boolean
  /** `undefined` unless the task is open. */
  readonly state: TaskState | undefined
  /** As text. */
  readonly problems: readonly string[]
}

/** @returns why a task makes no progress, as text */
export function stallReasons({ partition, phase, isCommitting, state, problems }: StalledTaskState): readonly string[] {
  if (problems.length > 0) return problems
  if (isCommitting) return [`task ${partition} waits for its commit`]
  if (state === undefined || phase !== 'running') return [`task ${partition} is ${phase}`]
  const missing = state.inputs.filter(({ buffered, lag }) => buffered === 0 && lag !== 0)
  if (missing.length === 0) return [`task ${partition} does not process the records that it has read`]
  return missing.map(
    ({ topic, next }) => `task ${partition} waits for the records of ${topic}[${partition}] from offset ${next} on`,
  )
}

/** @returns since when transactions of other producers have held up the inputs of a task; `undefined` if none does */
export function heldSince({ inputs }: TaskState): number | undefined {
  let since: number | undefined
  for (const { openTransaction } of inputs)
    if (openTransaction !== undefined) since = Math.min(since ?? openTransaction.since, openTransaction.since)
  return since
}
