/**
 * The phase of a task.
 *
 * ```text
 *                 ┌──────────────────────────────────────────────────────────┐
 *                 ▼                                                          │ a commit failed, a store is fenced
 *   (created) ► opening ──► restoring ──► loading ──► running ◄──► paused    │ or behind, another retriable error
 *                 │ │           │            │           │           │       │
 *                 │ └───────────┴────────────┴───────────┴───────────┴───────┘
 *                 └──► ended      every phase can lead to ended: the task was closed or lost, or an error is not retriable
 * ```
 *
 * - `opening`: verifies that this process is still a member of the group, and opens a session, which fences every earlier owner.
 * - `restoring`: reads its committed state from the changelog and the tables' topics.
 * - `loading`: reads its tables to their ends; streams of `'table-first'` tables are paused.
 * - `running`: processes streams and tables.
 * - `paused`: commits what it has processed, and takes no more records until the group has rebalanced.
 * - `ended`: has closed its session and its stores.
 */
export type TaskPhase = 'opening' | 'restoring' | 'loading' | 'running' | 'paused' | 'ended'

/** Phases that a task enters internally: it reports `running` as `paused` during a rebalance. */
export type InternalPhase = Exclude<TaskPhase, 'paused'>

const NEXT: Readonly<Record<InternalPhase, readonly InternalPhase[]>> = {
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
 * @throws Error for a transition that the diagram does not have: a bug in this library
 */
export function nextPhase(from: InternalPhase, to: InternalPhase): InternalPhase {
  if (NEXT[from].includes(to)) return to
  throw new Error(`a task cannot go from ${from} to ${to}`)
}
