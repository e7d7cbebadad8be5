/**
 * What a task is doing.
 *
 * ```text
 *                 ┌──────────────────────────────────────────────────────────┐
 *                 ▼                                                          │ a commit failed, a store
 *   (created) ► opening ──► restoring ──► loading ──► running ◄──► paused    │ was lost, or an error
 *                 │             │            │           │           │       │ that passes
 *                 │             └────────────┴───────────┴───────────┴───────┘
 *                 └──► ended      ended follows from every phase: the task was closed, revoked for good, or cannot go on
 * ```
 *
 * - `opening`: verifies its membership of the group, and opens a session, which fences every earlier owner.
 * - `restoring`: reads its committed state from the changelog and the tables' topics.
 * - `loading`: reads its tables to their ends; streams of `'table-first'` tables are held back.
 * - `running`: processes streams and tables.
 * - `paused`: has committed everything, and takes no more until the group has rebalanced.
 * - `ended`: holds nothing any more.
 */
export type TaskPhase = 'opening' | 'restoring' | 'loading' | 'running' | 'paused' | 'ended'

/** Phases that a task itself enters: `paused` is `running` seen from outside while a rebalance is under way. */
export type OwnPhase = Exclude<TaskPhase, 'paused'>

const NEXT: Readonly<Record<OwnPhase, readonly OwnPhase[]>> = {
  opening: ['opening', 'restoring', 'ended'],
  restoring: ['opening', 'loading', 'ended'],
  loading: ['opening', 'running', 'ended'],
  running: ['opening', 'ended'],
  ended: ['ended'],
}

/**
 * Checks a transition of the diagram above.
 *
 * @returns `to`
 * @throws Error for one that the diagram does not have: a mistake in this library
 */
export function nextPhase(from: OwnPhase, to: OwnPhase): OwnPhase {
  if (NEXT[from].includes(to)) return to
  throw new Error(`a task cannot go from ${from} to ${to}`)
}
