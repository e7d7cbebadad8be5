/**
 * What an application is doing.
 *
 * ```text
 *                          all tasks run
 *   starting ──► restoring ─────────────► running
 *       │          ▲    ▲                  │   │
 *       │          │    └──────────────────┘   │ the group revokes tasks, or expels this instance
 *       │          │      a task is reopened   ▼
 *       └──────────┴───────────────────── rebalancing
 *
 *   closing ──► closed      closing follows from every state above: close(), or the signal
 *   failed                  failed follows from every state but closed: a task cannot go on
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
 * @throws Error for one that the diagram does not have: a mistake in this library
 */
export function nextState(from: AppState, to: AppState): AppState {
  if (NEXT[from].includes(to)) return to
  throw new Error(`an application cannot go from ${from} to ${to}`)
}
