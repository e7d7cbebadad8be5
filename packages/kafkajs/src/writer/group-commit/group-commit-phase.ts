/**
 * The phases of the transactions of an instance, one at a time.
 *
 * ```text
 *            a part is queued       all written, all still owners         the response
 *   idle ──────────────────► writing ──────────────────────────► ending ────────────────► idle
 *    ▲                          │                                  │  committed           ▲
 *    │                          │ a batch failed, or a             │ anything else        │
 *    │                          │ session was superseded           ▼                      │
 *    │ a heartbeat              ▼                               unclear: all tasks ───────┘
 *    └─────────────────────── aborted: parts at fault fail,     are reopened   a heartbeat
 *                             the others are queued again
 * ```
 */
export type GroupCommitPhase = 'idle' | 'writing' | 'ending' | 'aborted' | 'unclear'

const NEXT: Readonly<Record<GroupCommitPhase, readonly GroupCommitPhase[]>> = {
  idle: ['writing'],
  writing: ['ending', 'aborted'],
  ending: ['idle', 'unclear'],
  aborted: ['aborted', 'idle'],
  unclear: ['idle'],
}

/**
 * Checks a transition of the diagram above.
 *
 * @returns `to`
 * @throws Error for a transition that the diagram does not have: a bug in this library
 */
export function nextPhase(from: GroupCommitPhase, to: GroupCommitPhase): GroupCommitPhase {
  if (NEXT[from].includes(to)) return to
  throw new Error(`a group commit cannot go from ${from} to ${to}`)
}
