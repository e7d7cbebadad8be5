/**
 * The state of an application.
 *
 * ```text
 *                ┌───────────────────────────────────────────────┐
 *                │               all tasks run                   │
 *   starting ──► │  restoring ──────────────────────► running    │ ──► closing ──► closed
 *                │     ▲  ▲                            │  ▲      │        │
 *                │     │  └────────────────────────────┘  │      │        ▼
 *                │     │        a task is reopened        │      │ ──► failed
 *                │     │                                  │      │
 *                │     └────────► rebalancing ◄───────────┘      │
 *                └───────────────────────────────────────────────┘
 * ```
 *
 * - `starting` can lead to each state in the box: to `running` if the group assigns no tasks. It can also lead to `closing` and `failed`.
 * - `rebalancing`: the group has revoked tasks, or expelled this instance. The next assignment leads to `running` if all tasks run, and
 *   otherwise to `restoring`.
 * - `closing`: after `close()`, or the signal.
 * - `failed`: an error is not retriable.
 */
export type AppState = 'starting' | 'restoring' | 'running' | 'rebalancing' | 'closing' | 'closed' | 'failed'

const NEXT: Readonly<Record<AppState, readonly AppState[]>> = {
  starting: ['restoring', 'running', 'rebalancing', 'closing', 'failed'],
  restoring: ['running', 'rebalancing', 'closing', 'failed'],
  running: ['restoring', 'rebalancing', 'closing', 'failed'],
  rebalancing: ['restoring', 'running', 'closing', 'failed'],
  closing: ['closed', 'failed'],
  closed: [],
  failed: [],
}

/**
 * Checks a transition of the diagram above.
 *
 * @returns `to`
 * @throws Error for a transition that the diagram does not have: a bug in this library
 */
export function nextState(from: AppState, to: AppState): AppState {
  if (NEXT[from].includes(to)) return to
  throw new Error(`an application cannot go from ${from} to ${to}`)
}
