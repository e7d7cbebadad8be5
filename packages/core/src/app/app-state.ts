/**
 * The state of an application.
 *
 * ```text
 *                          all tasks run
 *   starting ──► restoring ─────────────► running
 *       │          ▲    ▲                  │   │
 *       │          │    └──────────────────┘   │ the group revokes tasks, or expels this instance
 *       │          │      a task is reopened   ▼
 *       └──────────┴───────────────────── rebalancing
 *
 *   closing ──► closed      every state above can lead to closing: close(), or the signal
 *   failed                  every state but closed can lead to failed: an error is not retriable
 * ```
 */
export type AppState = 'starting' | 'restoring' | 'running' | 'rebalancing' | 'closing' | 'closed' | 'failed'

const AT_WORK = ['restoring', 'running', 'rebalancing', 'closing', 'failed'] as const

const NEXT: Readonly<Record<AppState, readonly AppState[]>> = {
  starting: AT_WORK,
  restoring: AT_WORK,
  running: AT_WORK,
  rebalancing: AT_WORK,
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
