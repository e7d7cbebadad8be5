import type { CallState } from '../changelog/call-record.js'

type State = CallState['state']

/**
 * The transitions of a call.
 *
 * ```text
 *                                      a response, or a late report of one
 *                               ┌──────────────────────────────────────────────┐
 *              claim committed  │       unknown outcome                        ▼
 *   (new) ──► ready ───────► claimed ─────────────────► in-doubt ──────────► done
 *             │ ▲               │                          │  │    decision
 *             │ └───────────────┴──────────────────────────┘  └───────────► abandoned
 *             │          report or decision: not sent              decision
 *             └──► done: the request of a former claim turns out to have been made
 *             └──► abandoned: the pipeline was changed and no longer makes the call
 * ```
 *
 * A call in doubt stays in doubt when its claimant reports that it sends nothing more. A call that is `done` or
 * `abandoned` is deleted after its retention.
 */
const NEXT: Readonly<Record<State, readonly State[]>> = {
  ready: ['claimed', 'done', 'abandoned'],
  claimed: ['ready', 'in-doubt', 'done'],
  'in-doubt': ['ready', 'in-doubt', 'done', 'abandoned'],
  done: [],
  abandoned: [],
}

/**
 * Checks a transition of the diagram above.
 *
 * @param from `undefined` for a call that is not stored yet
 * @throws Error for one that the diagram does not have: a mistake in this library
 */
export function checkCallTransition(from: State | undefined, to: State): void {
  if (from === undefined ? to === 'ready' : NEXT[from].includes(to)) return
  throw new Error(`a call cannot go from ${from ?? 'nothing'} to ${to}`)
}
