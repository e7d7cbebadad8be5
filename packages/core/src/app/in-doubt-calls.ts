import { type Clock, systemClock } from '../clock.js'
import type { Log } from '../log/contract.js'
import { ChangelogCalls } from './changelog-calls.js'
import type { InDoubtCalls } from './in-doubt-call.js'

/** Options of {@link inDoubtCalls}. */
export interface InDoubtCallsOptions {
  /** The application that makes the calls. */
  readonly application: string
  /** The log with its topics. */
  readonly log: Pick<Log, 'source' | 'sink'>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}

/**
 * The calls in doubt of all pipelines of an application, for tools that resolve calls without running the application.
 * Only its name has to be known. Results are therefore passed as the bytes that the sink's value serde would write, and
 * a missing result is not detected here: the owner ignores such a decision, and the call stays in doubt. As any
 * pipeline may block the other calls of a key, every decision needs `claimantFinished` or `claimantHasEnded`.
 *
 * @example
 * ```ts
 * const calls = inDoubtCalls({ application: 'service-b', log })
 * for await (const call of calls.list()) {
 *   await calls.resolve(call, { outcome: 'abandoned', decidedBy: 'ops', reason: 'the product is gone', claimantHasEnded: true })
 * }
 * ```
 */
export function inDoubtCalls({ application, log, clock = systemClock }: InDoubtCallsOptions): InDoubtCalls<Uint8Array> {
  return new ChangelogCalls({ application, log, clock, plans: undefined })
}
